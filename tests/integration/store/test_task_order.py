"""Planned tasks begin in their order: none before what it waits for is completed."""

from __future__ import annotations

from typing import Any

import asyncpg
import orjson
import pytest

from coordination.domain.agent import Agent
from coordination.domain.errors import TaskWaits
from coordination.domain.task import Report, Synced, TaskStatus
from coordination.store import task
from coordination.store.database import Database
from tests.integration.store.steps import agent, kinds

A, B = agent("impl_a"), agent("impl_b")


async def report(database: Database, who: Agent, task_id: str, status: str) -> Synced:
    """Report on a task."""
    return await task.sync(database, who, Report(task_id, TaskStatus(status)))


async def plan(database: Database, name: str, *after: str) -> None:
    """Write a planned task of A and what it waits for."""
    await database.fetch(
        "INSERT INTO tasks (session_id, id, assigned_to, depends_on) VALUES ('demo', $1, $2, $3) RETURNING 1",
        name,
        A.id,
        list(after),
    )


@pytest.mark.parametrize("status", ["started", "in_progress", "blocked"])
async def test_a_planned_task_cannot_begin_before_what_it_waits_for_is_completed(
    database: Database, status: str
) -> None:
    await plan(database, "t1")
    await plan(database, "t2")
    await plan(database, "t3", "t1", "t2")
    await report(database, B, "t1", "started")
    before = await kinds(database)
    with pytest.raises(TaskWaits, match=r'"t3" waits for "t1" \(started, alice/impl_b\), "t2" \(pending\)'):
        await report(database, A, "t3", status)
    assert await kinds(database) == before
    await report(database, B, "t1", "completed")
    await report(database, B, "t2", "failed")
    with pytest.raises(TaskWaits, match=r'waits for "t2" \(failed, alice/impl_b\).*started again'):
        await report(database, A, "t3", status)
    await report(database, B, "t2", "started")
    await report(database, B, "t2", "completed")
    synced = await report(database, A, "t3", status)
    assert synced.task is not None
    assert (synced.task.task_id, synced.task.status) == ("t3", status)


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_a_planned_task_can_be_ended_whatever_it_waits_for(database: Database, end: str) -> None:
    await plan(database, "t1")
    await plan(database, "t2", "t1")
    await report(database, A, "t2", end)
    assert (await kinds(database))[-1] == f"task.{end}"


async def test_a_task_that_has_started_goes_on_though_another_is_opened_again(database: Database) -> None:
    await plan(database, "t1")
    await plan(database, "t2", "t1")
    await report(database, A, "t1", "completed")
    await report(database, A, "t2", "started")
    await report(database, B, "t1", "started")
    await report(database, A, "t2", "in_progress")
    assert (await kinds(database))[-1] == "task.progressed"


async def test_of_many_tasks_that_one_waits_for_a_few_are_named(database: Database) -> None:
    names = [f"t{number}" for number in range(9)]
    for name in names:
        await plan(database, name)
    await plan(database, "last", *names)
    with pytest.raises(TaskWaits, match=r'"t0" .*"t2" \(pending\) and 6 more'):
        await report(database, A, "last", "started")


async def test_the_release_before_can_tell_that_a_task_waits(database: Database) -> None:
    await plan(database, "pending")
    await plan(database, "waits", "pending")
    await plan(database, "begun")
    await plan(database, "also waits", "begun")
    await report(database, B, "begun", "started")
    for task_id, (first, holder, status) in {
        "waits": ("pending", A.id, "pending"),
        "also waits": ("begun", B.id, "started"),
    }.items():
        code, details = await refused(database, task_id)
        # It knows this code, and reads these four fields of it.
        assert code == "CO003"
        assert (details["task_id"], details["agent_id"], details["status"]) == (first, holder, status)
        assert details["since"]
        assert [one["task_id"] for one in details["waits_for"]] == [first]


async def refused(database: Database, task_id: str) -> tuple[str, dict[str, Any]]:
    """Have A begin a task, and return the code and the detail with which the database refuses."""
    async with database.connection() as raw:
        with pytest.raises(asyncpg.PostgresError) as found:
            await raw.execute(
                "SELECT coordination_take_task('local', 'demo', $1, $2, 'started', NULL, NULL, NULL, NULL, now())",
                A.id,
                task_id,
            )
    return str(found.value.sqlstate), orjson.loads(str(found.value.detail))
