"""Nothing crosses a workspace (invariant 12): not rows, not events, not names, not hints in errors.

One workspace lives beside another that uses the same names for everything, and must be told what it would be told
without it. That this can be seen is proved by taking workspaces out of what keeps them apart, one function at a time.
"""

from collections.abc import AsyncGenerator
from types import ModuleType

import pytest

from coordination.services.core import Core
from coordination.store import agent, event, file_lock, plan, session, task
from tests.integration.services.lived import Notes, lived
from tests.integration.services.tenants import furnish, rows
from tests.integration.store.steps import weaken

LOCKS = "l.workspace_id = p_workspace"


@pytest.fixture
async def own_core(dsn: str) -> AsyncGenerator[Core]:
    """The use cases on a database whose functions this test may change."""
    core = Core(dsn)
    yield core
    await core.database.close()


async def noticed(core: Core) -> Notes:
    """What a workspace is told otherwise, or does to another, because that one uses the same names."""
    alone = await lived(core, "alone")
    token, request = await furnish(core, "red")
    before = await rows(core.database, "red")
    beside = await lived(core, "beside", token=token, request=request)
    after = await rows(core.database, "red")
    changed = {f"rows of {table}": now for table, now in after.items() if now != before[table]}
    return {call: told for call, told in beside.items() if told != alone[call]} | changed


async def test_a_workspace_notices_nothing_of_another_that_uses_the_same_names(core: Core) -> None:
    assert await noticed(core) == {}


async def test_what_only_another_workspace_has_is_as_unknown_as_what_is_nowhere(core: Core) -> None:
    await furnish(core, "red")
    told = await lived(core, "blue")
    asked = (
        "status of",
        "agent of",
        "agents of",
        "task of",
        "tasks of",
        "plan of",
        "plans of",
        "messages of",
    )
    for call in (*asked, "message to", "close", "events of", "locks of", "revoke in"):
        assert told[f"{call} theirs"] == told[f"{call} nowhere"]
    for words in ("dave", "bob", "for all of you", "theirs alone"):
        assert words not in str(told)


@pytest.mark.parametrize(
    ("guards", "call"),
    [
        ([("overlapping_locks", LOCKS)], "claim"),
        ([("renew_file_lock", LOCKS)], "rows of file_locks"),
        ([("revoke_file_lock", LOCKS), ("drop_locks", LOCKS)], "rows of file_locks"),
        ([("live_waiters", "w.workspace_id = p_workspace")], "claim behind a waiter"),
        ([("session_status", "s.workspace_id = p_workspace")], "status of theirs"),
        ([("take_task", "t.workspace_id = p_workspace")], "go on"),
        ([("send_message", "a.workspace_id = p_workspace")], "to a stranger"),
        ([("read_news", "p.workspace_id = p_workspace")], "no news of others' files"),
        ([("planned_tasks", "t.workspace_id = p_workspace")], "the second plan"),
        ([("join_session", "a.workspace_id = p_workspace AND a.checkout = p_checkout")], "go on after gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_a_function_that_forgets_workspaces_is_noticed(
    own_core: Core, guards: list[tuple[str, str]], call: str
) -> None:
    for function, guard in guards:
        await weaken(
            own_core.database,
            function,
            guard,
            guard.replace("workspace_id = p_workspace", "workspace_id <> ''"),
        )
    assert call in await noticed(own_core)


@pytest.mark.parametrize(
    ("module", "name", "column", "call"),
    [
        (event, "READ", "workspace_id", "events of theirs"),
        (file_lock, "PAGE", "l.workspace_id", "locks of theirs"),
        (session, "LIST", "s.workspace_id", "sessions"),
        (agent, "PAGE", "a.workspace_id", "agents of theirs"),
        (task, "PAGE", "t.workspace_id", "tasks of theirs"),
        (task, "READ", "t.workspace_id", "task of demo"),
        (task, "MESSAGES", "e.workspace_id", "messages of demo"),
        (plan, "PAGE", "p.workspace_id", "plans of theirs"),
        (plan, "REVISION", "p.workspace_id", "plan of theirs"),
        (plan, "LATEST", "p.workspace_id", "the plan"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_a_statement_that_forgets_workspaces_is_noticed(
    core: Core, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, column: str, call: str
) -> None:
    statement: str = getattr(module, name)
    assert f"WHERE {column} = $1" in statement
    monkeypatch.setattr(
        module, name, statement.replace(f"WHERE {column} = $1", f"WHERE {column} <> $1 || 'x'")
    )
    assert call in await noticed(core)
