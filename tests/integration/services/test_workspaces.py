"""Nothing crosses a workspace (invariant 12): not rows, not events, not names, not hints in errors.

One workspace lives beside another that uses the same names for everything, and must be told what it would be told
without it. That this can be seen is proved by taking workspaces out of what keeps them apart, one function at a time.
"""

from collections.abc import AsyncGenerator
from types import ModuleType

import pytest

from coordination.services.core import Core
from coordination.store import agent, event, file_index, file_lock, plan, session, task
from tests.conftest import administer, in_database
from tests.integration.services.lived import Notes, lived
from tests.integration.services.tenants import TABLES, furnish, rows
from tests.integration.store.steps import weaken
from tests.integration.tools import endpoint

LOCKS = "l.workspace_id = p_workspace"
OWN_INDEX = "i.workspace_id = p_workspace AND i.session_id = p_session AND i.checkout = p_checkout"
OWN_FILES = "f.workspace_id = p_workspace AND f.session_id = p_session AND f.checkout = p_checkout"
OWN_TASKS = "t.workspace_id = p_workspace AND t.session_id = p_session"
OWN_TABLES = """
    SELECT DISTINCT table_name AS name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'workspace_id'
"""


@pytest.fixture
async def own_core(dsn: str) -> AsyncGenerator[Core]:
    """The use cases on a database whose functions this test may change."""
    core = Core(dsn)
    yield core
    await core.database.close()


@pytest.fixture(scope="session")
async def alone(server_dsn: str, template: str) -> Notes:
    """What a workspace is told that has a database for itself."""
    await administer(server_dsn, f"CREATE DATABASE alone TEMPLATE {template} STRATEGY FILE_COPY")
    core = Core(in_database(server_dsn, "alone"))
    try:
        return await lived(core, "alone")
    finally:
        await core.database.close()


async def noticed(core: Core, alone: Notes) -> Notes:
    """What a workspace is told otherwise, or does to another, because that one uses the same names."""
    token, request = await furnish(core, "red")
    before = await rows(core.database, "red")
    beside = await lived(core, "beside", token=token, request=request)
    after = await rows(core.database, "red")
    changed = {f"rows of {table}": now for table, now in after.items() if now != before[table]}
    return {call: told for call, told in beside.items() if told != alone[call]} | changed


async def test_a_workspace_notices_nothing_of_another_that_uses_the_same_names(
    core: Core, alone: Notes
) -> None:
    assert await noticed(core, alone) == {}


async def test_the_rows_of_every_table_are_compared(core: Core) -> None:
    found = {row["name"] for row in await core.database.fetch(OWN_TABLES)}
    # Who belongs to a workspace is compared where a hosted service is attacked (tests/integration/hosted).
    assert found - {"workspace_members", "workspace_invitations", "agent_tokens"} == set(TABLES)
    assert set(TABLES) == set(endpoint.TABLES)


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
        "analysis of",
        "indexes of",
        "known files of",
        "index of",
        "add to the index of",
        "finish the index of",
        "begin an index of",
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
        ([("describe_task", "p.workspace_id = p_task.workspace_id")], "all tasks"),
        ([("distribute_plan", "FROM plans p WHERE p.workspace_id = p_workspace")], "hand out"),
        ([("distribute_plan", f"{OWN_TASKS} AND t.status = 'pending'")], "rows of tasks"),
        ([("keep_analysis", "o.workspace_id = p_workspace")], "hand out"),
        ([("begin_index", "s.workspace_id = p_workspace")], "begin an index of theirs"),
        ([("begin_index", "f.workspace_id = p_workspace")], "rows of indexed_files"),
        ([("add_to_index", OWN_INDEX)], "add to the index of theirs"),
        ([("finish_index", f"{OWN_INDEX}\n      AND i.given")], "finish the index of theirs"),
        ([("finish_index", f"{OWN_INDEX};")], "rows of file_indexes"),
        ([("finish_index", f"{OWN_FILES}\n      AND f.refresh = p_refresh")], "refresh a part"),
        ([("finish_index", f"{OWN_FILES}\n          AND (f.refresh")], "rows of indexed_files"),
        ([("finish_index", f"{OWN_FILES}) o")], "refresh a part"),
        ([("finish_index", f"{OWN_FILES};")], "refresh"),
        ([("join_session", "a.workspace_id = p_workspace AND a.checkout = p_checkout")], "go on after gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_a_function_that_forgets_workspaces_is_noticed(
    own_core: Core, alone: Notes, guards: list[tuple[str, str]], call: str
) -> None:
    for function, guard in guards:
        await weaken(
            own_core.database,
            function,
            guard,
            guard.replace("= p_task.", "<> p_task.").replace(
                "workspace_id = p_workspace", "workspace_id <> ''"
            ),
        )
    assert call in await noticed(own_core, alone)


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
        (plan, "READ", "a.workspace_id", "analysis of theirs"),
        (file_index, "KNOWN", "i.workspace_id", "known files of theirs"),
        (file_index, "PAGE", "workspace_id", "indexes of theirs"),
        (file_index, "CHOSEN", "workspace_id", "index of theirs"),
        (file_index, "READ", "f.workspace_id", "the index"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_a_statement_that_forgets_workspaces_is_noticed(
    core: Core,
    alone: Notes,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    name: str,
    column: str,
    call: str,
) -> None:
    statement: str = getattr(module, name)
    assert f"WHERE {column} = $1" in statement
    monkeypatch.setattr(
        module, name, statement.replace(f"WHERE {column} = $1", f"WHERE {column} <> $1 || 'x'")
    )
    assert call in await noticed(core, alone)
