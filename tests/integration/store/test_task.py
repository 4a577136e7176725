"""Reports on tasks: one winner, partial updates, transitions, takeover, what ends with a task, and messages."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput, TaskTaken, UnknownItem
from coordination.domain.file_lock import Claim, Wait
from coordination.domain.task import Report, Synced, TaskStatus
from coordination.store import file_lock, task
from coordination.store.database import Database
from tests.integration.store.steps import agent, granted, kinds, leases, wanted

A, B = agent("impl_a"), agent("impl_b")


async def report(
    database: Database, who: Agent, task_id: str | None = None, status: str | None = None, **more: Any
) -> Synced:
    """Report on a task."""
    return await task.sync(
        database, who, Report(task_id, None if status is None else TaskStatus(status), **more)
    )


async def fall_silent(database: Database, who: Agent) -> None:
    await database.fetch(
        """UPDATE claude_code_agents SET last_activity = clock_timestamp() - interval '601 seconds'
           WHERE id = $1 RETURNING 1""",
        who.id,
    )


async def claim_for(database: Database, who: Agent, task_id: str | None, *paths: str) -> None:
    claim: Claim = wanted(*paths, task_id=task_id)
    await file_lock.claim(database, who, claim, Wait.NO)


async def test_a_field_left_out_keeps_its_value(database: Database) -> None:
    await report(
        database,
        A,
        "t1",
        "started",
        progress_percentage=10,
        message="begun",
        paths=("a.py",),
        path_keys=("a.py",),
    )
    synced = await report(database, A, "t1", "in_progress", progress_percentage=50)
    assert synced.task is not None
    kept = (
        synced.task.status,
        synced.task.progress_percentage,
        synced.task.message,
        synced.task.affected_files,
    )
    assert kept == ("in_progress", 50, "begun", ("a.py",))
    synced = await report(database, A, "t1", "blocked", message="stuck", paths=(), path_keys=())
    assert synced.task is not None
    kept = (
        synced.task.status,
        synced.task.progress_percentage,
        synced.task.message,
        synced.task.affected_files,
    )
    assert kept == ("blocked", 50, "stuck", ())


@pytest.mark.parametrize("before", ["started", "in_progress", "blocked", "completed", "failed"])
@pytest.mark.parametrize("after", ["started", "in_progress", "blocked", "completed", "failed"])
async def test_only_started_leads_out_of_completed_and_failed(
    database: Database, before: str, after: str
) -> None:
    await report(database, A, "t1", before)
    closed = before in {"completed", "failed"}
    if closed and after not in {"started", before}:
        with pytest.raises(InvalidInput, match=f'"t1" is {before}'):
            await report(database, A, "t1", after, message="nothing of this is written")
        rows = await database.fetch("SELECT status, message FROM task_progress")
        assert [tuple(row) for row in rows] == [(before, None)]
        return
    synced = await report(database, A, "t1", after)
    assert synced.task is not None
    assert synced.task.status == after
    expected = {"in_progress": "progressed"}.get(after, after)
    assert (await kinds(database))[-1] == (
        "task.reopened" if closed and after == "started" else f"task.{expected}"
    )


async def test_of_twenty_that_start_a_task_at_once_one_wins_and_the_others_learn_who_and_since_when(
    database: Database,
) -> None:
    crowd = [agent(f"impl_{number}") for number in range(20)]
    outcomes = await asyncio.gather(
        *(report(database, who, "t1", "started", message=who.name) for who in crowd), return_exceptions=True
    )
    (winner,) = [who for who, outcome in zip(crowd, outcomes, strict=True) if isinstance(outcome, Synced)]
    rows = await database.fetch("SELECT agent_id, taken_at FROM tasks")
    assert [row["agent_id"] for row in rows] == [winner.id]
    refusals = [outcome for outcome in outcomes if isinstance(outcome, TaskTaken)]
    assert len(refusals) == 19
    for refused in refusals:
        assert refused.details["agent_id"] == winner.id
        assert str(refused.details["since"]).startswith(rows[0]["taken_at"].isoformat()[:19])
        assert winner.id in refused.message
    assert (await kinds(database)).count("task.started") == 1
    progress = await database.fetch("SELECT message FROM task_progress")
    assert [row[0] for row in progress] == [winner.name]


async def test_a_refused_report_writes_nothing_and_sends_nothing(database: Database) -> None:
    await report(database, A, "t1", "started")
    before = await kinds(database)
    with pytest.raises(TaskTaken):
        await report(database, B, "t1", "completed", message="mine", to=("impl_a",))
    assert (await kinds(database))[len(before) :] == []
    assert await database.fetch("SELECT 1 FROM claude_code_agents WHERE id = $1", B.id) == []


async def test_an_inactive_holder_without_leases_loses_its_task(database: Database) -> None:
    await report(database, A, "t1", "in_progress")
    await fall_silent(database, A)
    await report(database, B, "t1", "started")
    rows = await database.fetch("SELECT agent_id, taken_at > created_at FROM tasks")
    assert [tuple(row) for row in rows] == [(B.id, True)]
    rows = await database.fetch(
        "SELECT payload->>'previous_agent' FROM coordination_events ORDER BY seq DESC LIMIT 1"
    )
    assert [row[0] for row in rows] == [A.id]
    with pytest.raises(TaskTaken, match="impl_b"):
        await report(database, A, "t1", "in_progress")


@pytest.mark.parametrize("status", ["started", "in_progress", "blocked"])
async def test_a_task_that_goes_on_stays_with_its_holder(database: Database, status: str) -> None:
    await report(database, A, "t1", status)
    with pytest.raises(TaskTaken, match="impl_a"):
        await report(database, B, "t1", "started")


async def test_a_task_that_is_started_again_is_taken_anew(database: Database) -> None:
    """A rival is told since when its holder has it now; going on with it does not count."""
    since: list[datetime] = []
    for status in ("started", "in_progress", "completed", "started", "in_progress"):
        await report(database, A, "t1", status)
        if status == "in_progress":
            with pytest.raises(TaskTaken) as refused:
                await report(database, B, "t1", "started")
            since.append(datetime.fromisoformat(str(refused.value.details["since"])))
    rows = await database.fetch(
        "SELECT created_at FROM coordination_events WHERE kind IN ('task.started', 'task.reopened') ORDER BY seq"
    )
    assert since == [row[0] for row in rows]


async def test_a_quiet_holder_with_a_live_lease_keeps_its_task(database: Database) -> None:
    await report(database, A, "t1", "in_progress")
    await granted(database, A, "a.py")
    await fall_silent(database, A)
    with pytest.raises(TaskTaken, match="impl_a"):
        await report(database, B, "t1", "started")
    await database.fetch("UPDATE file_locks SET expires_at = clock_timestamp() RETURNING 1")
    await report(database, B, "t1", "started")


async def test_a_finished_task_is_open_to_whoever_starts_it_again(database: Database) -> None:
    await report(database, A, "t1", "failed", message="no idea")
    with pytest.raises(InvalidInput):
        await report(database, B, "t1", "completed")
    synced = await report(database, B, "t1", "started")
    assert synced.task is not None
    assert (synced.task.status, synced.task.message) == ("started", None)
    assert (await kinds(database))[-1] == "task.reopened"
    with pytest.raises(TaskTaken):
        await report(database, A, "t1", "in_progress")


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_an_ended_task_releases_its_own_locks_only(database: Database, end: str) -> None:
    await report(database, A, "t1", "started")
    await claim_for(database, A, None, "by_default.py")
    await claim_for(database, A, "t1", "named.py")
    await claim_for(database, A, "t2", "other_task.py")
    await claim_for(database, B, "t1", "other_agent.py")
    synced = await report(database, A, "t1", end)
    assert sorted(lease.path for lease in synced.released) == ["by_default.py", "named.py"]
    assert [path for _, path, _ in await leases(database)] == ["other_task.py", "other_agent.py"]
    assert [lease.path for lease in synced.leases] == ["other_task.py"]
    assert synced.lease_count == 1
    assert (await kinds(database))[-1] == "lock.released"


@pytest.mark.parametrize("status", ["started", "in_progress", "blocked"])
async def test_a_task_that_goes_on_keeps_its_locks(database: Database, status: str) -> None:
    await claim_for(database, A, "t1", "a.py")
    synced = await report(database, A, "t1", status)
    assert synced.released == ()
    assert len(await leases(database)) == 1


async def test_a_lock_without_a_started_task_belongs_to_none(database: Database) -> None:
    await report(database, A, "t1", "completed")
    await claim_for(database, A, None, "a.py")
    rows = await database.fetch("SELECT task_id FROM file_locks")
    assert [row[0] for row in rows] == [None]


async def test_the_default_task_is_the_one_started_last(database: Database) -> None:
    await report(database, A, "t1", "started")
    await report(database, A, "t2", "started")
    await report(database, A, "t1", "in_progress")
    await claim_for(database, A, None, "a.py")
    rows = await database.fetch("SELECT task_id FROM file_locks")
    assert [row[0] for row in rows] == ["t2"]


async def test_messages_go_by_name_and_by_id(database: Database) -> None:
    bob = agent("impl_b", user="bob")
    for who in (A, B, bob):
        await report(database, who)
    by_name = await report(database, A, message="hello", to=("impl_b",))
    assert by_name.sent_to == (B.id, bob.id)
    by_id = await report(database, A, message="hello", to=(bob.id, bob.id))
    assert by_id.sent_to == (bob.id,)
    for who, texts in ((B, 1), (bob, 2), (A, 0)):
        news = (await report(database, who)).news
        assert [item.kind for item in news.items] == ["message.sent"] * texts


async def test_an_unknown_recipient_writes_nothing_at_all(database: Database) -> None:
    await report(database, A)
    await report(database, B)
    before = await kinds(database)
    with pytest.raises(UnknownItem, match='no agent "impl_z"') as refused:
        await report(database, A, "t1", "started", message="hello", to=("impl_b", "impl_z"))
    assert refused.value.details["known"] == [B.id, A.id]
    assert await kinds(database) == before
    assert await database.fetch("SELECT 1 FROM tasks") == []
    assert await database.fetch("SELECT 1 FROM task_progress") == []


async def test_a_person_writes_to_some_or_to_all(database: Database) -> None:
    await report(database, A)
    await report(database, B)
    assert await task.send(database, "local", "demo", "alice", "stop", None) == [A.id, B.id]
    assert await task.send(database, "local", "demo", "alice", "stop", ["impl_b"]) == [B.id]
    with pytest.raises(UnknownItem):
        await task.send(database, "local", "demo", "alice", "stop", ["impl_z"])
    with pytest.raises(UnknownItem, match="no such session"):
        await task.send(database, "local", "none", "alice", "stop", None)
    assert (await kinds(database)).count("message.sent") == 2


async def test_a_completed_task_stays_with_who_completed_it(database: Database) -> None:
    await report(database, A, "t1", "completed")
    with pytest.raises(InvalidInput, match="is completed"):
        await report(database, agent("impl_c"), "t1", "completed")
    rows = await database.fetch("SELECT agent_id FROM tasks")
    assert [row["agent_id"] for row in rows] == [A.id]
