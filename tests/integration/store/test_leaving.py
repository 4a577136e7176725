"""Leaving a session: what an agent held and waited for is free, it is there no more, and comes back with nothing."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from coordination.domain.errors import UnknownItem
from coordination.domain.file_lock import Lost, Wait
from coordination.domain.session import Departure
from coordination.domain.task import Report, TaskStatus
from coordination.store import agent as agents
from coordination.store import file_lock, planner, session, task
from coordination.store.database import Database
from tests.integration.store.steps import (
    DEMO,
    agent,
    expire,
    granted,
    held,
    kinds,
    leases,
    queued,
    waiters,
    wanted,
    weaken,
)

PLANNER, A, B, C = agent("planner"), agent("impl_a"), agent("impl_b"), agent("impl_c")
NOBODY_LEFT: Any = (False, ())


def said(departure: Departure) -> tuple[bool, tuple[str, ...]]:
    """Whether the agent left, and the paths of what it had."""
    return departure.left, tuple(sorted(lease.path for lease in departure.released))


async def seen(database: Database, *terminals: str) -> None:
    """Let A be heard of from terminals."""
    for terminal in terminals:
        await agents.touch(
            database, [agents.Sighting(replace(A, terminal=terminal), 0.0, listed=False, called=True)]
        )


async def terminals(database: Database) -> list[str]:
    """The places where A's name was used."""
    rows = await database.fetch(
        "SELECT jsonb_object_keys(terminals) AS place FROM claude_code_agents WHERE id = $1 ORDER BY 1", A.id
    )
    return [row["place"] for row in rows]


@pytest.mark.parametrize("why", ["left", "ended"])
async def test_all_leases_and_places_of_whoever_leaves_are_free(database: Database, why: Any) -> None:
    await granted(database, A, "a.py", "src")
    await granted(database, B, "b.py")
    await queued(database, A, "b.py")
    await queued(database, C, "a.py")
    told = len(await kinds(database))
    assert said(await agents.leave(database, A, why)) == (True, ("a.py", "src"))
    assert await leases(database) == [(B.id, "b.py", "write")]
    assert [who for _, who in await waiters(database)] == [C.id]
    assert (await kinds(database))[told:] == ["waiter.left", "lock.released", "agent.left"]
    rows = await database.fetch("SELECT agent_id, payload FROM coordination_events WHERE kind = 'agent.left'")
    assert [(row[0], row[1]) for row in rows] == [(A.id, f'{{"why": "{why}"}}')]
    await granted(database, C, "a.py", wait=Wait.QUEUE)


async def test_leaving_again_and_as_nobody_who_was_there_writes_nothing(database: Database) -> None:
    assert said(await agents.leave(database, A, "left")) == NOBODY_LEFT
    assert await kinds(database) == []
    await granted(database, A, "a.py")
    await agents.leave(database, A, "ended")
    before = await kinds(database)
    assert said(await agents.leave(database, A, "ended")) == NOBODY_LEFT
    assert said(await agents.leave(database, B, "ended")) == NOBODY_LEFT
    assert await kinds(database) == before


async def test_a_lease_that_had_ended_is_not_given_back_but_recorded_as_expired(database: Database) -> None:
    await granted(database, A, "a.py", "b.py")
    await expire(database, "a.py")
    assert said(await agents.leave(database, A, "left")) == (True, ("b.py",))
    await granted(database, B, "a.py")
    assert (await kinds(database)).count("lock.expired") == 1


async def test_what_was_held_in_a_session_that_a_person_closed_is_released_too(database: Database) -> None:
    await granted(database, A, "a.py")
    await session.configure(database, "local", DEMO, "alice", status="closed", across_checkouts=None)
    assert said(await agents.leave(database, A, "ended")) == (False, ("a.py",))
    assert (await kinds(database))[-2:] == ["session.closed", "lock.released"]


async def test_whoever_acts_again_joins_again_and_has_nothing_of_before(database: Database) -> None:
    lease = (await granted(database, A, "a.py")).leases[0]
    await agents.leave(database, A, "left")
    late = await file_lock.renew(database, A, ["a.py"], [lease.fencing_token], 900)
    assert isinstance(late, Lost)
    assert (late.lost, late.held) == (("a.py",), ())
    assert await leases(database) == []
    assert (await kinds(database))[-2:] == ["agent.left", "agent.joined"]


@pytest.mark.parametrize("wait", [Wait.QUEUE, Wait.PARK])
async def test_a_claim_that_waited_does_not_bring_back_whoever_left(database: Database, wait: Wait) -> None:
    await granted(database, B, "a.py")
    claim = wanted("a.py")
    await file_lock.claim(database, A, claim, Wait.QUEUE)
    await agents.leave(database, A, "ended")
    before = await kinds(database)
    with pytest.raises(UnknownItem, match="alice/impl_a left the session while this call waited"):
        await file_lock.claim(database, A, claim, wait, goes_on=True)
    assert (await kinds(database), await waiters(database)) == (before, [])
    # Who came back meanwhile waits as ever.
    await agents.enter(database, A)
    await file_lock.claim(database, A, claim, wait, goes_on=True)
    assert [who for _, who in await waiters(database)] == [A.id]


async def test_its_started_task_is_its_own_and_free_for_others_at_once(database: Database) -> None:
    await task.sync(database, A, Report("t1", TaskStatus.STARTED))
    await agents.leave(database, A, "ended")
    rows = await database.fetch("SELECT agent_id, status FROM tasks")
    assert [tuple(row) for row in rows] == [(A.id, "started")]
    assert (await task.sync(database, A, Report())).open_task == "t1"
    await agents.leave(database, A, "ended")
    await task.sync(database, B, Report("t1", TaskStatus.STARTED))
    rows = await database.fetch("SELECT agent_id, status FROM tasks")
    assert [tuple(row) for row in rows] == [(B.id, "started")]


async def test_the_role_of_a_planner_who_left_is_free(database: Database) -> None:
    for who in (PLANNER, A):
        await agents.enter(database, who)
    await agents.leave(database, PLANNER, "left")
    taken = await planner.take(database, "local", DEMO, "alice", A.id)
    assert taken is not None
    assert taken.changed


async def test_what_was_seen_before_and_is_written_late_makes_no_terminal_of_whoever_left(
    database: Database,
) -> None:
    await agents.enter(database, A)
    await seen(database, "1-1")
    assert await terminals(database) == ["|1-1"]
    await agents.leave(database, A, "left")
    await seen(database, "1-1")
    assert await terminals(database) == []


async def test_a_terminal_that_goes_takes_nothing_from_another_one_of_its_name(database: Database) -> None:
    await granted(database, A, "a.py")
    await seen(database, "1-1", "2-2")
    one, two = (replace(A, terminal=terminal) for terminal in ("1-1", "2-2"))
    before = await kinds(database)
    assert said(await agents.leave(database, one, "ended")) == NOBODY_LEFT
    assert (await kinds(database), await terminals(database)) == (before, ["|2-2"])
    assert said(await agents.leave(database, two, "ended")) == (True, ("a.py",))


async def test_a_terminal_that_is_silent_for_two_minutes_keeps_nothing(database: Database) -> None:
    await granted(database, A, "a.py")
    await seen(database, "1-1", "2-2")
    await database.fetch(
        """UPDATE claude_code_agents
           SET terminals = jsonb_set(terminals, '{|2-2}', to_jsonb(extract(epoch FROM now()) - 121)) RETURNING 1"""
    )
    assert said(await agents.leave(database, replace(A, terminal="1-1"), "ended")) == (True, ("a.py",))


async def claim_after_leaving(database: Database, name: str) -> list[str]:
    """A waiting claim goes on after its agent left; return who waits in the end."""
    one, two = agent("impl_a", session=name), agent("impl_b", session=name)
    await granted(database, two, "a.py")
    claim = wanted("a.py")
    await file_lock.claim(database, one, claim, Wait.QUEUE)
    await agents.leave(database, one, "ended")
    with suppress(UnknownItem):
        await file_lock.claim(database, one, claim, Wait.QUEUE, goes_on=True)
    return [who for _, who in await waiters(database, name)]


async def test_without_its_guard_a_claim_would_bring_the_dead_back(own_database: Database) -> None:
    assert await claim_after_leaving(own_database, "guarded") == []
    await weaken(own_database, "enter_session", "(p_actor->>'goes_on')::boolean AND", "false AND")
    assert await claim_after_leaving(own_database, "weakened") == [A.id]


async def test_a_claim_of_another_agent_is_none_of_its_business(database: Database) -> None:
    await granted(database, B, "b.py")
    await agents.enter(database, A)
    await agents.leave(database, A, "left")
    await held(database, C, "b.py")
    assert await leases(database) == [(B.id, "b.py", "write")]
