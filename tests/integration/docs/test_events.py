"""What docs/reference/events.md says of each kind's payload is what the database writes."""

from collections import defaultdict
from dataclasses import replace

from coordination.domain.event import EventKind
from coordination.domain.file_lock import Wait
from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.task import Report, TaskStatus
from coordination.store import agent as agents
from coordination.store import event, file_lock, plan, planner, session, task
from coordination.store.database import Database
from tests.integration.store.steps import DEMO, agent, expire, granted, held, queued
from tests.unit.docs.page import REFERENCE, names, section, text_of

PAGE = text_of(REFERENCE / "events.md")
LIKE_STARTED = "The payload is that of [task.started]"
MAY_FOLLOW = {"previous_agent"}
PLANNER, IMPL_A = agent("planner"), agent("impl_a")


def documented(kind: str) -> set[str]:
    """The fields that the page names for a kind's payload."""
    told = section(PAGE, kind)
    return set(names(section(PAGE, EventKind.TASK_STARTED) if LIKE_STARTED in told else told))


async def written(database: Database) -> dict[str, list[set[str]]]:
    """The fields of every payload that the database wrote, by kind."""
    found: defaultdict[str, list[set[str]]] = defaultdict(list)
    for one in await event.read(database, "local", DEMO, 0, 200):
        found[one.kind].append(set(one.payload))
    return found


async def work_with_locks(database: Database) -> None:
    """Let every kind of event on locks and waiters happen."""
    await granted(database, PLANNER, "a.py")
    await granted(database, PLANNER, "a.py")
    await queued(database, IMPL_A, "a.py")
    await file_lock.release(database, PLANNER, None, None)
    await granted(database, IMPL_A, "a.py", wait=Wait.QUEUE)
    await held(database, PLANNER, "a.py")
    await file_lock.revoke(database, "local", DEMO, "alice", None, IMPL_A.id)
    await granted(database, IMPL_A, "b.py")
    await expire(database, "b.py")
    await granted(database, PLANNER, "b.py")


async def work_with_tasks(database: Database) -> None:
    """Let every kind of event on tasks happen, with every field that a report can have, and send a message."""
    planned = [
        HandedOut("planned", "do it", PLANNER.id, (), ("a.py",)),
        HandedOut("after", "do it then", PLANNER.id, ("first",), ()),
    ]
    await plan.distribute(database, PLANNER, "0" * 16, 2, planned)
    started = Report("first", TaskStatus.STARTED, 10, "well", ("a.py",), ("a.py",))
    for status in ("started", "in_progress", "blocked", "failed", "started"):
        await task.sync(database, IMPL_A, replace(started, status=TaskStatus(status)))
    # Whoever was quiet for so long and holds nothing has let go of its task.
    await file_lock.release(database, IMPL_A, None, None)
    await database.fetch("UPDATE claude_code_agents SET last_activity = last_activity - interval '1 hour'")
    await task.sync(database, PLANNER, started)
    await task.sync(database, PLANNER, replace(started, status=TaskStatus.COMPLETED))
    await task.sync(database, PLANNER, Report(message="Lunch at noon.", to=("impl_a",)))


async def change_roles(database: Database) -> None:
    """Let every kind of event on roles happen."""
    await database.fetch("UPDATE claude_code_agents SET last_activity = last_activity - interval '1 hour'")
    await planner.take(database, "local", DEMO, "alice", IMPL_A.id)
    await planner.give_back(database, "local", DEMO, "alice", IMPL_A.id)


async def change_the_session(database: Database) -> None:
    """Let every kind of event on the session happen."""
    await session.configure(database, "local", DEMO, "alice", status=None, across_checkouts="block")
    await session.configure(database, "local", DEMO, "alice", status="active", across_checkouts=None)
    await session.configure(database, "local", DEMO, "alice", status="closed", across_checkouts=None)
    await file_lock.release(database, PLANNER, None, None)
    await agents.leave(database, PLANNER, "left")


async def test_every_kind_is_written_with_the_fields_that_the_page_names(clean_database: Database) -> None:
    await work_with_locks(clean_database)
    await work_with_tasks(clean_database)
    await change_roles(clean_database)
    await change_the_session(clean_database)
    found = await written(clean_database)
    assert set(found) == {kind.value for kind in EventKind}
    for kind, payloads in found.items():
        # Each report may follow another agent's, though here only one does.
        assert set().union(*payloads) | (MAY_FOLLOW & documented(kind)) == documented(kind), kind
