"""The planner's role: taken when it is free, by one of those that want it, kept over a return, and given back."""

import asyncio

import pytest

from coordination.domain.agent import Agent
from coordination.domain.errors import RoleTaken
from coordination.domain.planner import HeldRole
from coordination.store import agent as agents
from coordination.store import planner, session
from coordination.store.database import Database
from tests.integration.store.steps import (
    DEMO,
    NO_LOCK,
    agent,
    blocked,
    fall_silent,
    kinds,
    number_by_sequence,
    weaken,
    worker,
)

PLANNER, A, B = agent("planner"), agent("impl_a"), agent("impl_b")


async def join(database: Database, *crowd: Agent) -> None:
    for who in crowd:
        await agents.enter(database, who)


async def take(database: Database, who: Agent) -> HeldRole | None:
    return await planner.take(database, "local", who.session, "alice", who.id)


async def give_back(database: Database, who: Agent) -> HeldRole | None:
    return await planner.give_back(database, "local", who.session, "alice", who.id)


async def planners(database: Database, name: str = DEMO) -> list[str]:
    rows = await database.fetch(
        "SELECT id FROM claude_code_agents WHERE session_id = $1 AND role = 'planner' ORDER BY id", name
    )
    return [row[0] for row in rows]


async def test_a_free_role_is_taken_and_recorded(database: Database) -> None:
    await join(database, A)
    assert await take(database, A) == HeldRole(A.id, "planner", changed=True, taken_from=())
    assert await take(database, A) == HeldRole(A.id, "planner", changed=False, taken_from=())
    assert (await kinds(database))[-1:] == ["role.taken"]
    assert await take(database, B) is None
    assert await planners(database) == [A.id]


@pytest.mark.parametrize("minutes", [0, 9])
async def test_while_the_planner_is_there_it_is_refused_with_who_and_since_when(
    database: Database, minutes: int
) -> None:
    await join(database, PLANNER, A)
    await fall_silent(database, PLANNER, minutes)
    before = await kinds(database)
    with pytest.raises(
        RoleTaken, match=f"{PLANNER.id} is the planner of this session, last heard of at 20"
    ) as refused:
        await take(database, A)
    assert refused.value.next_call == "coord status demo"
    assert (await kinds(database), await planners(database)) == (before, [PLANNER.id])


async def test_a_quiet_planner_that_took_the_role_loses_it_and_one_of_that_name_does_not(
    database: Database,
) -> None:
    await join(database, PLANNER, A, B)
    await fall_silent(database, PLANNER)
    await take(database, A)
    with pytest.raises(RoleTaken) as refused:
        await take(database, B)
    assert refused.value.next_call == "coord plan demo --give-back alice/impl_a"
    await fall_silent(database, A)
    assert await take(database, B) == HeldRole(B.id, "planner", changed=True, taken_from=(A.id,))
    assert await planners(database) == [B.id, PLANNER.id]


async def test_whoever_left_with_its_session_does_not_keep_the_role_from_others(database: Database) -> None:
    await join(database, PLANNER, A)
    await session.configure(database, "local", DEMO, "alice", status="closed", across_checkouts=None)
    await join(database, A)
    await take(database, A)
    assert await planners(database) == [A.id, PLANNER.id]


async def test_a_taken_role_is_kept_over_a_return_and_a_lost_one_stays_lost(database: Database) -> None:
    await join(database, A, B)
    await take(database, A)
    await fall_silent(database, A)
    await join(database, A)
    assert await planners(database) == [A.id]
    await fall_silent(database, A)
    await take(database, B)
    # What its call was admitted with before does not bring the role back.
    await join(database, A)
    assert await planners(database) == [B.id]


async def test_whoever_is_called_planner_has_the_role_whatever_its_row_said(database: Database) -> None:
    await join(database, PLANNER)
    await database.fetch("UPDATE claude_code_agents SET role = 'implementer'")  # as an adopted row has it
    await fall_silent(database, PLANNER)
    await join(database, PLANNER)
    assert await planners(database) == [PLANNER.id]


async def test_it_is_given_back_by_whoever_took_it_and_by_nobody_else(database: Database) -> None:
    await join(database, PLANNER, A)
    await fall_silent(database, PLANNER)
    await take(database, A)
    assert await give_back(database, A) == HeldRole(A.id, "implementer", changed=True, taken_from=())
    assert await give_back(database, A) == HeldRole(A.id, "implementer", changed=False, taken_from=())
    assert await give_back(database, PLANNER) == HeldRole(PLANNER.id, "planner", changed=False, taken_from=())
    assert await give_back(database, B) is None
    assert (await kinds(database)).count("role.returned") == 1


async def test_a_role_of_another_session_is_another_role(database: Database) -> None:
    elsewhere = agent("impl_a", session="other")
    await join(database, PLANNER, elsewhere)
    await take(database, elsewhere)
    assert (await planners(database), await planners(database, "other")) == ([PLANNER.id], [elsewhere.id])


async def two_take_it_at_once(database: Database, name: str) -> list[str]:
    """One takes the role, uncommitted, and another one wants it: return who is planner in the end."""
    one, two = agent("impl_a", session=name), agent("impl_b", session=name)
    await join(database, one, two)
    async with worker(database.dsn) as first, worker(database.dsn) as second:
        transaction = first.raw.transaction()
        await transaction.start()
        await take(first, one)
        other = asyncio.create_task(take(second, two))
        waits = asyncio.create_task(blocked(database, second))
        await asyncio.wait({other, waits}, return_when=asyncio.FIRST_COMPLETED)
        await transaction.commit()
        waits.cancel()
        await asyncio.gather(other, return_exceptions=True)
    return await planners(database, name)


async def test_of_two_that_take_it_at_once_one_has_it(own_database: Database) -> None:
    assert await two_take_it_at_once(own_database, "guarded") == ["alice/impl_a"]
    await number_by_sequence(own_database)
    await weaken(own_database, "lock_session", *NO_LOCK)
    assert await two_take_it_at_once(own_database, "weakened") == ["alice/impl_a", "alice/impl_b"]
