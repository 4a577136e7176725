"""Joining under a free name: of terminals that ask for one name at once, one has it."""

import asyncio
from dataclasses import replace

import pytest

from coordination.domain.agent import Agent
from coordination.domain.errors import CheckoutTaken, NameTaken
from coordination.store import agent as agents
from coordination.store.database import Database
from tests.integration.store.steps import (
    NO_LOCK,
    agent,
    blocked,
    expire,
    granted,
    kinds,
    number_by_sequence,
    weaken,
    worker,
)

HERE, THERE = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


def at(terminal: str, checkout: str = HERE, *, session: str = "demo") -> Agent:
    """The agent `impl_a` as a terminal acts for it."""
    return replace(agent("impl_a", session=session, checkout=checkout), terminal=terminal)


async def silent(database: Database, seconds: int) -> None:
    """Let all agents be unheard of for so long, whatever terminal they were heard of from."""
    await database.fetch(
        """UPDATE claude_code_agents
           SET last_activity = last_activity - make_interval(secs => $1::int), terminals = (
               SELECT coalesce(jsonb_object_agg(t.key, t.value::text::float8 - $1::int), '{}')
               FROM jsonb_each(terminals) t)""",
        seconds,
    )


async def test_a_name_that_nobody_has_is_free_and_then_it_is_its_terminals(database: Database) -> None:
    await agents.join_if_free(database, at("1-1"))
    assert await kinds(database) == ["session.created", "agent.joined"]
    await agents.join_if_free(database, at("1-1"))
    for other in (at("2-2"), at("1-1", THERE), at(""), at("", "")):
        with pytest.raises(
            NameTaken, match="alice/impl_a is another terminal's agent, last heard of"
        ) as refused:
            await agents.join_if_free(database, other)
        assert refused.value.next_call == "coord status demo"
    assert await kinds(database) == ["session.created", "agent.joined"]
    await agents.join_if_free(database, replace(at("2-2"), name="impl_b"))


async def test_a_name_whose_terminal_is_not_known_is_nobody_elses(database: Database) -> None:
    await granted(database, agent("impl_a"), "a.py")
    with pytest.raises(NameTaken):
        await agents.join_if_free(database, at("1-1"))


async def test_whoever_left_leaves_its_name(database: Database) -> None:
    await agents.join_if_free(database, at("1-1"))
    await agents.leave(database, at("1-1"), "ended")
    await agents.join_if_free(database, at("2-2"))
    assert (await kinds(database))[-2:] == ["agent.left", "agent.joined"]
    with pytest.raises(NameTaken):
        await agents.join_if_free(database, at("1-1"))


async def test_whoever_is_silent_for_two_minutes_and_holds_nothing_leaves_its_name(
    database: Database,
) -> None:
    await agents.join_if_free(database, at("1-1"))
    await silent(database, 110)
    with pytest.raises(NameTaken, match=r"last heard of 11\d s ago"):
        await agents.join_if_free(database, at("2-2"))
    await silent(database, 15)
    await agents.join_if_free(database, at("2-2"))
    # It is the other one's now.
    with pytest.raises(NameTaken):
        await agents.join_if_free(database, at("1-1"))


async def test_who_holds_a_lease_keeps_its_name_however_silent_it_is(database: Database) -> None:
    await agents.join_if_free(database, at("1-1"))
    await granted(database, at("1-1"), "a.py")
    await silent(database, 500)
    with pytest.raises(NameTaken):
        await agents.join_if_free(database, at("2-2"))
    await agents.join_if_free(database, at("1-1"))
    await silent(database, 500)
    await expire(database, "a.py")
    await agents.join_if_free(database, at("2-2"))


async def test_a_refused_checkout_is_no_join(database: Database) -> None:
    await granted(database, agent("impl_b", session="other", checkout=HERE), "a.py")
    with pytest.raises(CheckoutTaken):
        await agents.join_if_free(database, at("1-1"))
    assert await kinds(database) == []


async def two_ask_at_once(database: Database, name: str) -> list[str]:
    """One terminal joins, uncommitted, and another one asks for the name: return the places that have it."""
    await agents.enter(database, agent("planner", session=name))
    async with worker(database.dsn) as first, worker(database.dsn) as second:
        transaction = first.raw.transaction()
        await transaction.start()
        await agents.join_if_free(first, at("1-1", "", session=name))
        other = asyncio.create_task(agents.join_if_free(second, at("2-2", "", session=name)))
        waits = asyncio.create_task(blocked(database, second))
        await asyncio.wait({other, waits}, return_when=asyncio.FIRST_COMPLETED)
        await transaction.commit()
        waits.cancel()
        await asyncio.gather(other, return_exceptions=True)
    rows = await database.fetch(
        """SELECT jsonb_object_keys(terminals) AS place FROM claude_code_agents
           WHERE session_id = $1 AND name = 'impl_a' ORDER BY 1""",
        name,
    )
    return [row["place"] for row in rows]


async def test_of_two_that_ask_at_once_one_has_the_name(own_database: Database) -> None:
    assert await two_ask_at_once(own_database, "guarded") == ["|1-1"]
    await number_by_sequence(own_database)
    await weaken(own_database, "lock_session", *NO_LOCK)
    assert await two_ask_at_once(own_database, "weakened") == ["|1-1", "|2-2"]


async def test_of_many_that_ask_at_once_one_has_the_name(database: Database) -> None:
    asked = await asyncio.gather(
        *(agents.join_if_free(database, at(f"{number}-1", "")) for number in range(1, 9)),
        return_exceptions=True,
    )
    assert sum(answer is None for answer in asked) == 1
    assert all(answer is None or isinstance(answer, NameTaken) for answer in asked)


async def test_a_name_of_another_session_is_another_name(database: Database) -> None:
    await agents.join_if_free(database, at("1-1", ""))
    await agents.join_if_free(database, at("2-2", "", session="other"))
