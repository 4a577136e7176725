"""Sessions and who joins them: created on first use, one session for a checkout, configured, deleted whole."""

import asyncio

import asyncpg
import pytest

from coordination.domain.agent import Agent
from coordination.domain.errors import CheckoutTaken, SettingRefused, UnknownItem
from coordination.store import agent as agents
from coordination.store import file_lock, session
from coordination.store.database import Database
from tests.integration.store.steps import (
    READ,
    agent,
    blocked,
    expire,
    fall_silent,
    granted,
    held,
    kinds,
    leases,
    queued,
    worker,
)

HERE, THERE = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


async def touch(database: Database, who: Agent) -> None:
    """Let the agent be heard of, as a list of the tools does."""
    await agents.touch(database, [agents.Sighting(who, 0.0, listed=True, called=False)])


async def test_session_and_agent_are_created_by_the_first_call(database: Database) -> None:
    await granted(database, agent("impl_a", checkout=HERE), "a.py")
    assert await kinds(database) == ["session.created", "agent.joined", "lock.claimed"]
    await granted(database, agent("impl_a", checkout=HERE), "b.py")
    await granted(database, agent("impl_b"), "c.py")
    assert (await kinds(database))[3:] == ["lock.claimed", "agent.joined", "lock.claimed"]
    rows = await database.fetch(
        "SELECT id, name, user_id, role, checkout FROM claude_code_agents ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("alice/impl_a", "impl_a", "alice", "implementer", HERE),
        ("alice/impl_b", "impl_b", "alice", "implementer", ""),
    ]


async def test_agents_that_come_at_once_create_one_session(database: Database) -> None:
    crowd = [agent(f"impl_{number}") for number in range(20)]
    await asyncio.gather(*(agents.enter(database, who) for who in crowd for _ in range(2)))
    found = await kinds(database)
    assert (found.count("session.created"), found.count("agent.joined"), len(found)) == (1, 20, 21)


async def test_a_checkout_is_in_one_session_at_a_time(database: Database) -> None:
    await granted(database, agent("impl_a", session="first", checkout=HERE), "a.py")
    with pytest.raises(CheckoutTaken, match='session "first"') as refused:
        await granted(database, agent("impl_b", session="second", checkout=HERE), "a.py")
    assert "git worktree add" in refused.value.message
    assert refused.value.next_call == "coord sessions close first"
    assert await kinds(database, "second") == []
    await granted(database, agent("impl_b", session="second", checkout=THERE), "a.py")
    await granted(database, agent("impl_c", session="third"), "a.py")


async def test_a_checkout_is_free_for_another_session_when_nobody_was_seen_there_lately(
    database: Database,
) -> None:
    quiet = agent("impl_a", session="first", checkout=HERE)
    await granted(database, quiet, "a.py")
    await fall_silent(database, quiet)
    with pytest.raises(CheckoutTaken):  # its lease lives on
        await agents.enter(database, agent("impl_b", session="second", checkout=HERE))
    await expire(database, "a.py", session="first")
    await agents.enter(database, agent("impl_b", session="second", checkout=HERE))


async def test_of_two_sessions_that_take_a_checkout_at_once_the_later_is_refused(database: Database) -> None:
    async with worker(database.dsn) as first, worker(database.dsn) as second:
        transaction = first.raw.transaction()
        await transaction.start()
        await agents.enter(first, agent("impl_a", session="first", checkout=HERE))
        taking = asyncio.create_task(agents.enter(second, agent("impl_b", session="second", checkout=HERE)))
        waits = asyncio.create_task(blocked(database, second))
        await asyncio.wait({taking, waits}, return_when=asyncio.FIRST_COMPLETED)
        await transaction.commit()
        waits.cancel()
        with pytest.raises(asyncpg.PostgresError, match="checkout belongs to another session"):
            await taking


async def test_a_lease_in_another_checkout_keeps_none_that_its_holder_fell_silent_in(
    database: Database,
) -> None:
    await granted(database, agent("impl_a", session="first", checkout=THERE), "a.py")
    moved = agent("impl_a", session="first", checkout=HERE)
    await agents.enter(database, moved)
    await fall_silent(database, moved)
    await agents.enter(database, agent("impl_b", session="second", checkout=HERE))


async def test_whoever_left_with_its_session_keeps_no_checkout_when_others_open_it_again(
    database: Database,
) -> None:
    await agents.enter(database, agent("impl_a", checkout=HERE))
    await session.configure(database, "local", "demo", "alice", status="closed", across_checkouts=None)
    await agents.enter(database, agent("impl_c", checkout=THERE))
    await agents.enter(database, agent("impl_b", session="other", checkout=HERE))


async def test_an_agent_that_comes_back_does_not_share_its_checkout_with_the_session_that_took_it(
    database: Database,
) -> None:
    back = agent("impl_a", session="first", checkout=HERE)
    await agents.enter(database, back)
    await fall_silent(database, back)
    await granted(database, agent("impl_b", session="second", checkout=HERE), "a.py")
    await touch(database, back)  # its client lists the tools before it calls one
    with pytest.raises(CheckoutTaken, match='session "second"'):
        await granted(database, back, "a.py")
    await fall_silent(database, back, minutes=0)
    with pytest.raises(CheckoutTaken):
        await granted(database, back, "a.py")


async def test_a_quiet_agent_with_a_lease_keeps_its_checkout_when_it_is_heard_of(database: Database) -> None:
    quiet = agent("impl_a", session="first", checkout=HERE)
    await granted(database, quiet, "a.py")
    await fall_silent(database, quiet, minutes=60)
    await touch(database, quiet)
    with pytest.raises(CheckoutTaken):
        await agents.enter(database, agent("impl_b", session="second", checkout=HERE))
    await granted(database, quiet, "b.py")
    assert (await kinds(database, "first")).count("agent.joined") == 1


async def test_an_agent_may_move_to_another_checkout_and_forget_none(database: Database) -> None:
    await agents.enter(database, agent("impl_a", checkout=HERE))
    await agents.enter(database, agent("impl_a"))
    rows = await database.fetch("SELECT checkout FROM claude_code_agents")
    assert [row[0] for row in rows] == [HERE]
    await agents.enter(database, agent("impl_a", checkout=THERE))
    rows = await database.fetch("SELECT checkout FROM claude_code_agents")
    assert [row[0] for row in rows] == [THERE]


async def test_a_closed_session_opens_again_when_somebody_joins(database: Database) -> None:
    await agents.enter(database, agent("impl_a", checkout=HERE))
    closed = await session.configure(
        database, "local", "demo", "alice", status="closed", across_checkouts=None
    )
    assert closed == {"session": "demo", "status": "closed", "across_checkouts": "warn"}
    await agents.enter(database, agent("impl_b", session="other", checkout=HERE))
    with pytest.raises(CheckoutTaken):
        await agents.enter(database, agent("impl_a", checkout=HERE))
    await agents.enter(database, agent("impl_a", checkout=THERE))
    assert (await kinds(database))[-3:] == ["session.closed", "session.reopened", "agent.joined"]


async def test_whoever_comes_back_to_a_session_that_was_closed_joins_again(database: Database) -> None:
    """A checkout that another session has by now is refused, whoever opened the session again."""
    back = agent("impl_a", checkout=HERE)
    await granted(database, back, "one.py")
    await file_lock.release(database, back, None, None)
    await session.configure(database, "local", "demo", "alice", status="closed", across_checkouts=None)
    await granted(database, agent("impl_b", session="other", checkout=HERE), "a.py")
    await agents.enter(database, agent("impl_c", checkout=THERE))
    with pytest.raises(CheckoutTaken):
        await granted(database, back, "a.py")


async def test_a_lock_in_a_closed_session_keeps_its_checkout_until_it_ends(database: Database) -> None:
    await granted(database, agent("impl_a", checkout=HERE), "one.py")
    await session.configure(database, "local", "demo", "alice", status="closed", across_checkouts=None)
    other = agent("impl_b", session="other", checkout=HERE)
    with pytest.raises(CheckoutTaken, match="closed, but locks") as refused:
        await granted(database, other, "a.py")
    assert refused.value.next_call == "coord locks demo"
    await expire(database, "one.py")
    await granted(database, other, "a.py")


async def test_an_unknown_session_cannot_be_configured(database: Database) -> None:
    with pytest.raises(UnknownItem):
        await session.configure(database, "local", "none", "alice", status="closed", across_checkouts=None)
    assert await kinds(database, "none") == []


async def test_blocking_across_checkouts_begins_only_without_overlaps(database: Database) -> None:
    one, two = agent("impl_a", checkout=HERE), agent("impl_b", checkout=THERE)
    await granted(database, one, "src/a.py")
    await granted(database, two, "src")
    with pytest.raises(SettingRefused, match="different checkouts") as refused:
        await session.configure(database, "local", "demo", "alice", status=None, across_checkouts="block")
    assert {refused.value.details["holder"], refused.value.details["other"]} == {one.id, two.id}
    await file_lock.release(database, two, None, None)
    await session.configure(database, "local", "demo", "alice", status=None, across_checkouts="block")
    await held(database, two, "src")
    assert (await kinds(database))[-1] == "session.configured"
    await queued(database, two, "src")
    await session.configure(database, "local", "demo", "alice", status=None, across_checkouts="warn")
    await granted(database, two, "src")


async def test_shared_reads_in_different_checkouts_are_no_overlap(database: Database) -> None:
    await granted(database, agent("impl_a", checkout=HERE), "a.py", operation=READ)
    await granted(database, agent("impl_b", checkout=THERE), "a.py", operation=READ)
    await session.configure(database, "local", "demo", "alice", status=None, across_checkouts="block")


async def test_a_deleted_session_takes_all_that_is_its_own_along(database: Database) -> None:
    for name in ("gone", "kept"):
        await granted(database, agent("impl_a", session=name), "a.py")
        await queued(database, agent("impl_b", session=name), "a.py")
    await database.fetch("DELETE FROM claude_code_sessions WHERE id = 'gone' RETURNING 1")
    for table in ("claude_code_agents", "file_locks", "file_lock_waiters", "coordination_events"):
        rows = await database.fetch(f"SELECT DISTINCT session_id FROM {table}")  # noqa: S608 - constants above
        assert [row[0] for row in rows] == ["kept"], table


async def test_sessions_are_listed_page_by_page(database: Database) -> None:
    for name in ("a", "b", "c"):
        await granted(database, agent("impl_a", session=name), "a.py")
    await agents.enter(database, agent("impl_b", session="b"))
    first = await session.page(database, "local", None, 2)
    assert [(found.id, found.agents, found.locks, found.user) for found in first] == [
        ("a", 1, 1, "alice"),
        ("b", 2, 1, "alice"),
    ]
    assert [found.id for found in await session.page(database, "local", "b", 2)] == ["c"]
    assert await session.page(database, "another", None, 2) == []


async def test_locks_are_listed_page_by_page(database: Database) -> None:
    await granted(database, agent("impl_a"), *(f"{number}.py" for number in range(5)))
    await expire(database, "0.py")
    first = await file_lock.page(database, "local", "demo", None, 2)
    assert [lease.path for lease in first] == ["1.py", "2.py"]
    rest = await file_lock.page(database, "local", "demo", first[-1].key, 9)
    assert [lease.path for lease in rest] == ["3.py", "4.py"]
    assert len(await leases(database)) == 4
