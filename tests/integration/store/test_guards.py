"""The interleavings that design section 5 guards against: each promise holds, and breaks without its guard."""

import asyncio

import asyncpg
import pytest

from coordination.domain.errors import RetryLater
from coordination.domain.file_lock import Granted, Renewed
from coordination.store import event, file_lock
from coordination.store.database import SERVER_SETTINGS, Database
from tests.integration.store.steps import (
    NO_LOCK,
    agent,
    blocked,
    expire,
    granted,
    held,
    kinds,
    leases,
    number_by_sequence,
    try_claim,
    weaken,
    worker,
)

REPEATABLE = {"default_transaction_isolation": "repeatable read"}


async def renew_while_the_lease_ends(database: Database, session: str) -> bool:
    """A renewal waits for the session while its lease ends; return whether the lease came back."""
    one = agent("impl_a", session=session)
    await granted(database, one, "a.py")
    async with worker(database.dsn) as other, worker(database.dsn) as renewing, other.raw.transaction():
        await other.raw.execute("SELECT coordination_lock_session('local', $1)", session)
        renewal = asyncio.create_task(file_lock.renew(renewing, one, ["a.py"], None, 900))
        await blocked(database, renewing)
        await other.raw.execute(
            "UPDATE file_locks SET expires_at = clock_timestamp() WHERE session_id = $1", session
        )
        await other.raw.execute("COMMIT; BEGIN")
        return isinstance(await renewal, Renewed)


async def test_a_renewal_that_waited_does_not_bring_an_ended_lease_back(own_database: Database) -> None:
    assert not await renew_while_the_lease_ends(own_database, "guarded")
    # Without: the clock is read when the call begins, not once its turn has come.
    await weaken(own_database, "enter_session", "entered_at := clock_timestamp();", "entered_at := now();")
    assert await renew_while_the_lease_ends(own_database, "weakened")


async def renew_an_ended_lease(database: Database, session: str) -> bool:
    """Return whether a lease that had ended is live again."""
    one = agent("impl_a", session=session)
    await granted(database, one, "a.py")
    await expire(database, "a.py", session=session)
    await file_lock.renew(database, one, ["a.py"], None, 900)
    return await leases(database, session) != []


async def test_an_expired_lease_is_not_revived_although_nobody_took_it(own_database: Database) -> None:
    assert not await renew_an_ended_lease(own_database, "guarded")
    await weaken(
        own_database,
        "own_locks",
        "(l.lock).agent_id = p_agent AND (l.lock).expires_at > p_now",
        "(l.lock).agent_id = p_agent",
    )
    assert await renew_an_ended_lease(own_database, "weakened")


async def claim_the_tree_of_an_ended_lease(database: Database, session: str) -> tuple[int, list[str]]:
    """Return how many rows the loser of an ended lease still has below the new tree, and what was recorded."""
    await granted(database, agent("impl_a", session=session), "src/deep/a.py")
    await expire(database, "src/deep/a.py", session=session)
    await granted(database, agent("impl_b", session=session), "src")
    rows = await database.fetch(
        "SELECT 1 FROM file_locks WHERE session_id = $1 AND agent_id = 'alice/impl_a'", session
    )
    return len(rows), (await kinds(database, session))[-2:]


async def test_a_tree_over_an_expired_file_removes_it_and_records_the_loss(own_database: Database) -> None:
    assert await claim_the_tree_of_an_ended_lease(own_database, "guarded") == (
        0,
        ["lock.expired", "lock.claimed"],
    )
    # Without: only a lease on the very path is removed, as an upsert would.
    await weaken(
        own_database,
        "grant_file_lock",
        "coordination_remove_expired(p_workspace, p_session, p_found, p_now)",
        "coordination_remove_expired(p_workspace, p_session,"
        " ARRAY(SELECT f FROM unnest(p_found) f WHERE f.path_key = ANY (p_keys)), p_now)",
    )
    assert await claim_the_tree_of_an_ended_lease(own_database, "weakened") == (
        1,
        ["agent.joined", "lock.claimed"],
    )


async def claim_tree_and_file_at_once(database: Database, session: str, **settings: str) -> int:
    """Two claims cross: one on a tree, uncommitted, and one on a file below it. Return how many were granted."""
    one, two = agent("impl_a", session=session), agent("impl_b", session=session)
    await granted(database, one, "elsewhere.py")
    await granted(database, two, "elsewhere_too.py")
    async with worker(database.dsn, **settings) as first, worker(database.dsn, **settings) as second:
        transaction = first.raw.transaction(isolation="read_committed")
        await transaction.start()
        assert isinstance(await try_claim(first, one, "src"), Granted)
        crossing = asyncio.create_task(try_claim(second, two, "src/a.py"))
        done = asyncio.create_task(blocked(database, second))
        await asyncio.wait({crossing, done}, return_when=asyncio.FIRST_COMPLETED)
        await transaction.commit()
        done.cancel()
        return 1 + isinstance(await crossing, Granted)


async def test_two_claims_that_cross_are_decided_one_after_the_other(own_database: Database) -> None:
    assert await claim_tree_and_file_at_once(own_database, "guarded") == 1
    await number_by_sequence(own_database)
    await weaken(own_database, "lock_session", *NO_LOCK)
    assert await claim_tree_and_file_at_once(own_database, "weakened") == 2


async def test_a_database_that_defaults_to_repeatable_read_is_refused_not_trusted(
    own_database: Database,
) -> None:
    with pytest.raises(asyncpg.PostgresError, match="READ COMMITTED"):
        await claim_tree_and_file_at_once(own_database, "guarded", **REPEATABLE)
    assert await leases(own_database, "guarded") == [
        ("alice/impl_a", "elsewhere.py", "write"),
        ("alice/impl_a", "src", "write"),
        ("alice/impl_b", "elsewhere_too.py", "write"),
    ]
    # Without: the second claim decides by a snapshot that is older than the first one's commit.
    await number_by_sequence(own_database)
    await weaken(own_database, "lock_session", "<> 'read committed'", "= 'unheard of'")
    assert await claim_tree_and_file_at_once(own_database, "weakened", **REPEATABLE) == 2


async def read_between_two_commits(database: Database, session: str) -> list[str]:
    """One claim takes its event number and commits late, another one comes; return what a reader by cursor misses."""
    one, two = agent("impl_a", session=session), agent("impl_b", session=session)
    cursor = 0
    read: list[str] = []

    async def poll() -> None:
        nonlocal cursor
        for found in await event.read(database, "local", session, cursor, 100):
            cursor = found.seq
            read.append(f"{found.kind} {found.agent_id}")

    await granted(database, one, "old_a.py")
    await granted(database, two, "old_b.py")
    async with worker(database.dsn) as late, worker(database.dsn) as early:
        transaction = late.raw.transaction()
        await transaction.start()
        await granted(late, one, "a.py")
        await poll()
        second = asyncio.create_task(granted(early, two, "b.py"))
        done = asyncio.create_task(blocked(database, early))
        await asyncio.wait({second, done}, return_when=asyncio.FIRST_COMPLETED)
        await poll()
        await transaction.commit()
        done.cancel()
        await poll()
        await second
        await poll()
    rows = await database.fetch(
        "SELECT kind || ' ' || agent_id FROM coordination_events WHERE session_id = $1 ORDER BY seq", session
    )
    written = [row[0] for row in rows]
    for found in read:
        written.remove(found)
    return written


async def test_a_number_taken_early_and_committed_late_is_not_missed(own_database: Database) -> None:
    assert await read_between_two_commits(own_database, "guarded") == []
    # Without: numbers come from a sequence, and writers of one session do not wait for one another's commit.
    await number_by_sequence(own_database)
    await weaken(own_database, "lock_session", *NO_LOCK)
    assert await read_between_two_commits(own_database, "weakened") == ["lock.claimed alice/impl_a"]


async def test_a_stopped_worker_cannot_hold_a_session(own_database: Database) -> None:
    async with worker(own_database.dsn, **SERVER_SETTINGS) as stopped:
        await stopped.raw.execute("BEGIN")
        await granted(stopped, agent("impl_a"), "a.py")
        # It says nothing more. The server ends it after a second, before those who wait lose their patience.
        await granted(own_database, agent("impl_b"), "a.py")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
            await stopped.raw.execute("COMMIT")
    assert await leases(own_database) == [("alice/impl_b", "a.py", "write")]


async def test_without_the_idle_limit_a_stopped_worker_would_hold_its_session(own_database: Database) -> None:
    async with worker(own_database.dsn, idle_in_transaction_session_timeout="0") as stopped:
        await stopped.raw.execute("BEGIN")
        await granted(stopped, agent("impl_a"), "a.py")
        with pytest.raises(RetryLater):
            await try_claim(own_database, agent("impl_b"), "b.py")
        await granted(own_database, agent("impl_c", session="another"), "a.py")
        await stopped.raw.execute("ROLLBACK")
    await granted(own_database, agent("impl_b"), "b.py")
    await held(own_database, agent("impl_c"), "b.py")
