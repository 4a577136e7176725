"""Two workspaces that use the same names for everything, and how to see whether one noticed the other.

`furnish` fills a workspace with whatever could get into another's way; `rows` reads everything of a workspace; `plain`
is what can be compared of two workspaces' answers: not instants, durations, order and numbers from the one sequence.
What a workspace does beside a furnished one is in `lived.py`.
"""

import re
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any, Final, cast

import orjson

from coordination.domain.agent import Agent
from coordination.domain.file_index import FileEntry, IndexedFile, IndexSummary
from coordination.domain.file_lock import Granted
from coordination.domain.path import normalise
from coordination.domain.plan.task import PlannedTask
from coordination.domain.session import AcrossCheckouts, SessionState
from coordination.domain.task import Report, TaskStatus
from coordination.services import agent as agents
from coordination.services import file_index, file_lock, plan, session, task
from coordination.services.core import Core
from coordination.store.database import Database
from coordination.store.plan import Distributed
from tests.integration.store.steps import READ, agent, expire, wanted

CHECKOUTS: Final = tuple(letter * 12 for letter in "0abcdef")
WAITING: Final = 0.001
ANALYSIS: Final = "kept1"
"""An analysis that a furnished workspace has in its sessions with a plan."""
TABLES: Final = (
    *("claude_code_sessions", "claude_code_agents", "file_locks", "task_progress"),
    *("tasks", "file_lock_waiters", "coordination_events", "plans", "plan_analyses"),
    *("file_indexes", "indexed_files"),
)
_NUMBERED: Final = frozenset({"fencing_token", "granted_tokens", "ticket"})
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)?")
_PENDING: Final = """
    INSERT INTO tasks (workspace_id, session_id, id, description, assigned_to, depends_on)
    VALUES ($1, 'demo', $2, $3, $4, $5)
"""
# As many as a session keeps, all of them newer than those that were asked for.
_ANALYSES: Final = """
    INSERT INTO plan_analyses (workspace_id, session_id, id, agent_id, analysis, created_at)
    SELECT a.workspace_id, a.session_id, 'kept' || n, a.agent_id, a.analysis, a.created_at + interval '1 hour'
    FROM plan_analyses a, generate_series(1, 20) n WHERE a.workspace_id = $1
"""
_SILENT: Final = """
    UPDATE claude_code_agents SET last_activity = clock_timestamp() - interval '700 seconds'
    WHERE workspace_id = $1 AND id = $2 RETURNING 1
"""


async def furnish(core: Core, workspace: str) -> tuple[int, str]:
    """Fill a workspace: leases, places in the queue, tasks, plans, indexes, messages, checkouts.

    Returns:
        A fencing token, and the request of the claim that got it.
    """

    def who(name: str, **where: str) -> Agent:
        return agent(name, workspace=workspace, **where)

    a, b, carol, erin = (who(name) for name in ("impl_a", "impl_b", "carol", "erin"))
    for one in (a, b, carol):
        await agents.join(core, one)
    await file_lock.claim(core, who("dave", session="theirs", checkout=CHECKOUTS[1]), wanted("d.py"))
    await file_lock.claim(core, carol, wanted("src", "low/deep/x.py", "lib/z.py"))
    await file_lock.claim(core, b, wanted("old.py"))
    await expire(core.database, "old.py")
    claim = wanted("lib/x.py", "lib/y.py")
    mine = await file_lock.claim(core, a, claim)
    await file_lock.claim(core, a, wanted("r.py", operation=READ))
    await file_lock.claim(core, who("silent"), wanted("loud.py"))
    await file_lock.claim(core, erin, wanted("lib"), wait_seconds=WAITING)
    await file_lock.claim(core, a, wanted("src/deep"), wait_seconds=WAITING)
    await _furnish_tasks(core, a, b, who("silent"))
    await _furnish_sessions(core, workspace)
    assert isinstance(mine, Granted)
    return mine.granted_tokens[0], claim.request_id


async def _furnish_tasks(core: Core, a: Agent, b: Agent, silent: Agent) -> None:
    started, completed = TaskStatus.STARTED, TaskStatus.COMPLETED
    seen = ("seen.py",)
    for holder, report in (
        (b, Report(task_id="t1", status=started)),
        (b, Report(task_id="t2", status=started)),
        (b, Report(task_id="t2", status=completed)),
        (a, Report(task_id="t3", status=started, paths=seen, path_keys=seen)),
        (a, Report(task_id="t6", status=started)),
        (silent, Report(task_id="t9", status=started)),
        (b, Report(message="for all of you", to=("impl_a", "carol"))),
    ):
        await task.sync(core, holder, report)
    await pending(core.database, a.workspace, "t4", "theirs alone", a.id)
    await pending(core.database, a.workspace, "t5", "theirs alone", a.id, "t1")


async def _furnish_sessions(core: Core, workspace: str) -> None:
    """Sessions of their own, because what one of them shows would hide what another does."""

    def who(name: str, session: str, checkout: str = "") -> Agent:
        return agent(name, workspace=workspace, session=session, checkout=checkout)

    for one in (who("impl_a", "strict"), who("impl_a", "gone", CHECKOUTS[4]), who("impl_a", "shut")):
        await agents.join(core, one)
    block, closed = AcrossCheckouts.BLOCK, SessionState.CLOSED
    await session.configure(core, workspace, "strict", "bob", status=None, across_checkouts=block)
    await session.configure(core, workspace, "shut", "bob", status=closed, across_checkouts=None)
    await file_lock.claim(core, who("impl_b", "open", CHECKOUTS[2]), wanted("m.py"))
    await file_lock.claim(core, who("impl_a", "open", CHECKOUTS[3]), wanted("m.py"))
    await file_lock.claim(core, who("silent", "quiet", CHECKOUTS[5]), wanted("q.py"))
    for name in ("planned", "planned", "theirs"):
        await hand_out(core, who("planner", name))
    await core.database.fetch(_ANALYSES, workspace)
    await agents.join(core, who("planner", "indexed"))
    for name in ("theirs", "indexed"):
        await index(core, workspace, name, {"a.py": "1", "theirs.py": "1"}, files=2)
        begun = await file_index.begin(core, workspace, name, CHECKOUTS[1])
        await add_to_index(core, workspace, name, begun.refresh, {"b.py": "2"})


async def pending(
    database: Database, workspace: str, task_id: str, description: str, assigned_to: str, *depends_on: str
) -> None:
    """Plan a task; no use case does it yet."""
    await database.fetch(_PENDING, workspace, task_id, description, assigned_to, list(depends_on))


async def hand_out(core: Core, planner: Agent) -> Distributed:
    """Hand out a plan of two tasks."""
    tasks = [PlannedTask(name, f"Write {name}", (normalise(f"{name}.py"),)) for name in ("p1", "p2")]
    kept = await plan.analyse(core, planner, tasks)
    return await plan.distribute(core, planner, kept.id)


async def add_to_index(
    core: Core, workspace: str, name: str, refresh: int, digests: dict[str, str]
) -> tuple[int, int]:
    """Add files, by path with their digests, to a refresh of a session's index."""
    files = [FileEntry(IndexedFile(path), (), digest) for path, digest in digests.items()]
    return await file_index.add(core, workspace, name, CHECKOUTS[1], refresh, files, [])


async def index(
    core: Core, workspace: str, name: str, digests: dict[str, str], *, files: int
) -> IndexSummary:
    """Refresh a session's index, which is to hold so many `files` then."""
    begun = await file_index.begin(core, workspace, name, CHECKOUTS[1])
    await add_to_index(core, workspace, name, begun.refresh, digests)
    return await file_index.finish(core, workspace, name, CHECKOUTS[1], begun.refresh, files, "c0ffee", "all")


async def fall_silent(database: Database, who: Agent) -> None:
    """Let an agent be silent for longer than it counts as being at work."""
    assert await database.fetch(_SILENT, who.workspace, who.id)


async def rows(database: Database, workspace: str) -> dict[str, list[str]]:
    """Every row of a workspace, by table."""
    found: dict[str, list[str]] = {}
    for table in TABLES:
        statement = f"SELECT to_jsonb(r)::text FROM {table} r WHERE r.workspace_id = $1 ORDER BY 1"  # noqa: S608 - constants above
        found[table] = [row[0] for row in await database.fetch(statement, workspace)]
    return found


def plain(value: Any, name: str = "") -> Any:
    """What a value says, as JSON would, without what no two runs share."""
    if name in _NUMBERED and value is not None:
        return "a number"
    if isinstance(value, bytes):
        return plain(orjson.loads(value))
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict | list | tuple):
        return _parts(cast("dict[str, Any] | list[Any] | tuple[Any, ...]", value))
    return _undated(value)


def _parts(value: "dict[str, Any] | list[Any] | tuple[Any, ...]") -> Any:
    if isinstance(value, dict):
        return {key: plain(part, key) for key, part in value.items()}
    # Sorted: leases that are taken away at once come in any order.
    return sorted((plain(part) for part in value), key=repr)


def _undated(value: Any) -> Any:
    if isinstance(value, str):
        return _INSTANT.sub("a time", value)
    return "a time" if isinstance(value, float | datetime) else value
