"""Waiting claims that end before their turn: clients that go away, calls that are cancelled, a service that stops."""

import asyncio

import pytest
from structlog.testing import capture_logs

from coordination.domain.errors import RetryLater
from coordination.domain.file_lock import Granted, Held
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.store.database import DEADLINE_SECONDS, SERVER_SETTINGS, Database
from tests.integration.services.terminal import PATIENCE_SECONDS, Terminal, in_queue, until_free, waiting
from tests.integration.store.steps import agent, granted, leases, waiters, wanted, worker

A, B = agent("impl_a"), agent("impl_b")


async def until_decided(database: Database) -> None:
    """Return once a call waits for the session's lock."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await database.fetch("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            pass


async def test_a_client_that_goes_away_leaves_the_queue(core: Core, database: Database) -> None:
    await granted(database, A, "a.py")
    client = Terminal()
    turn = waiting(core, B, "a.py", client=client)
    await in_queue(database, 1)
    client.closed.set()
    assert isinstance(await turn, Held)
    assert await waiters(database) == []
    rows = await database.fetch("SELECT payload->>'why' FROM coordination_events WHERE kind = 'waiter.left'")
    assert [row[0] for row in rows] == ["cancelled"]


async def test_a_grant_that_raced_the_disconnect_is_given_back(core: Core, database: Database) -> None:
    await granted(database, B, "kept.py")
    client = Terminal()
    client.closed.set()
    await waiting(core, B, "a.py", "kept.py", client=client)
    assert await leases(database) == [(B.id, "kept.py", "write")]


async def test_a_cancelled_call_leaves_the_queue(core: Core, database: Database) -> None:
    await granted(database, A, "a.py")
    turn = waiting(core, B, "a.py")
    await in_queue(database, 1)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert await waiters(database) == []


@pytest.mark.parametrize("free", [True, False])
async def test_a_call_that_is_cancelled_while_it_is_decided_leaves_nothing(
    core: Core, database: Database, *, free: bool
) -> None:
    await granted(database, A, "other.py" if free else "a.py")
    async with worker(database.dsn) as busy:
        await busy.raw.execute("BEGIN; SELECT coordination_lock_session('local', 'demo')")
        turn = waiting(core, B, "a.py")
        await until_decided(database)
        turn.cancel()
        await busy.raw.execute("COMMIT")
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert await waiters(database) == []
    await until_free(database, "other.py" if not free else "a.py")


async def test_a_call_that_is_cancelled_before_it_is_sent_is_given_back_after_its_decision(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_lock, "_SETTLED_SECONDS", 3600)
    core = Core(database.dsn, pool_size=2)
    async with worker(database.dsn, idle_in_transaction_session_timeout="0") as busy:
        await busy.raw.execute("BEGIN; SELECT coordination_lock_session('local', 'demo')")
        before = asyncio.create_task(granted(core.database, A, "other.py"))
        await until_decided(database)
        turn = waiting(core, B, "a.py")
        while not any(core.database._decisions._lines.values()):  # noqa: ASYNC110 - the loop's next steps begin it
            await asyncio.sleep(0)
        turn.cancel()
        for _ in range(20):
            await asyncio.sleep(0)
        # What came before the decision would hold the other connection by now, and find nothing to give back.
        await core.database.fetch("SELECT 1")
        await busy.raw.execute("COMMIT")
    await before
    with pytest.raises(asyncio.CancelledError):
        await turn
    await granted(core.database, A, "behind.py")
    assert [path for _, path, _ in await leases(database)] == ["behind.py", "other.py"]
    async with core.running():
        pass


async def test_a_call_that_is_cancelled_while_it_is_decided_costs_no_connection(database: Database) -> None:
    core = Core(database.dsn, pool_size=1)
    async with core.running():
        before = await core.database.fetch("SELECT pg_backend_pid()")
        async with worker(database.dsn, idle_in_transaction_session_timeout="0") as busy:
            await busy.raw.execute("BEGIN; SELECT coordination_lock_session('local', 'demo')")
            turn = waiting(core, B, "a.py")
            await until_decided(database)
            turn.cancel()
            await asyncio.sleep(0)
            await busy.raw.execute("COMMIT")
        with pytest.raises(asyncio.CancelledError):
            await turn
        assert await core.database.fetch("SELECT pg_backend_pid()") == before


def test_a_database_is_asked_long_enough_to_be_started_again_and_to_have_forgotten_what_was_given_up() -> (
    None
):
    lock_seconds = int(SERVER_SETTINGS["lock_timeout"].removesuffix("ms")) / 1000
    assert 25 <= sum(file_lock._GIVE_BACK_PAUSES) <= 60
    assert DEADLINE_SECONDS + lock_seconds < file_lock._SETTLED_SECONDS


@pytest.mark.parametrize("when", ["before", "while it sleeps", "while it is decided"])
async def test_a_service_that_stops_answers_its_waiters_and_keeps_their_places(
    core: Core, database: Database, when: str
) -> None:
    await granted(database, A, "a.py")
    if when == "before":
        core.stop_waiting()
    async with worker(database.dsn) as busy:
        if when == "while it is decided":
            await busy.raw.execute("BEGIN; SELECT coordination_lock_session('local', 'demo')")
        turn = waiting(core, B, "a.py")
        if when == "while it is decided":
            await until_decided(database)
            core.stop_waiting()
            await busy.raw.execute("COMMIT")
    if when == "while it sleeps":
        await in_queue(database, 1)
        core.stop_waiting()
    with pytest.raises(RetryLater, match="place in the queue is kept"):
        await turn
    rows = await database.fetch(
        "SELECT parked_until > clock_timestamp() + interval '100 s' FROM file_lock_waiters"
    )
    assert [row[0] for row in rows] == [True]


async def test_what_cannot_be_given_back_at_once_is_given_back_later(
    core: Core, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_lock, "_GIVE_BACK_PAUSES", (0.01,) * 100)
    claim = wanted("a.py")
    assert isinstance(await file_lock.claim(core, B, claim), Granted)
    async with worker(database.dsn, idle_in_transaction_session_timeout="0") as busy:
        await busy.raw.execute("BEGIN; SELECT coordination_lock_session('local', 'demo')")
        await file_lock.give_back(core, B, claim)  # returns after one try, which is refused
        assert await leases(database) == [(B.id, "a.py", "write")]
        await busy.raw.execute("COMMIT")
    await until_free(database, "a.py")


async def test_a_database_that_stays_away_is_not_asked_for_ever(
    core: Core, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_lock, "_GIVE_BACK_PAUSES", ())
    claim = wanted("a.py")
    assert isinstance(await file_lock.claim(core, B, claim), Granted)
    async with worker(database.dsn, idle_in_transaction_session_timeout="0") as busy:
        await busy.raw.execute("BEGIN; SELECT coordination_lock_session('local', 'demo')")
        await file_lock.give_back(core, B, claim)
        await busy.raw.execute("COMMIT")
    assert await leases(database) == [(B.id, "a.py", "write")]


async def test_a_service_that_stops_gives_back_what_it_has_still_to_give_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_lock, "_SETTLED_SECONDS", 3600)
    claim = wanted("a.py")
    stopping = Core(database.dsn)
    async with stopping.running():
        await file_lock.give_back(stopping, B, claim)
        assert isinstance(
            await file_lock.claim(stopping, B, claim), Granted
        )  # what a stalled server does late
    assert await leases(database) == []


@pytest.mark.parametrize("still_busy", [False, True])
async def test_a_service_that_stops_asks_a_database_that_was_busy_once_more_and_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch, *, still_busy: bool
) -> None:
    monkeypatch.setattr(file_lock, "_GIVE_BACK_PAUSES", (3600,) * 10_000)
    monkeypatch.setitem(SERVER_SETTINGS, "lock_timeout", "20ms")
    claim = wanted("a.py")
    stopping = Core(database.dsn)
    async with worker(database.dsn, idle_in_transaction_session_timeout="0") as busy:
        with capture_logs() as logs:
            async with stopping.running():
                assert isinstance(await file_lock.claim(stopping, B, claim), Granted)
                await busy.raw.execute("BEGIN; SELECT coordination_lock_session('local', 'demo')")
                await file_lock.give_back(stopping, B, claim)
                if not still_busy:
                    await busy.raw.execute("COMMIT")
        await busy.raw.execute("ROLLBACK")
    assert [entry["event"] for entry in logs] == []
    # What cannot be given back even then ends by the clock.
    assert await leases(database) == ([(B.id, "a.py", "write")] if still_busy else [])


async def test_a_claim_that_is_carried_out_after_it_was_given_up_is_given_back_too(
    core: Core, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_lock, "_SETTLED_SECONDS", 1.0)
    claim = wanted("a.py")
    await file_lock.give_back(core, B, claim)
    assert isinstance(await file_lock.claim(core, B, claim), Granted)  # what a stalled server does late
    await until_free(database, "a.py")
