"""A process that is stopped in the middle of a call holds no session: the others end what it left."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from coordination.domain.errors import RetryLater
from coordination.domain.file_lock import Granted
from coordination.services import core
from coordination.store import stopped
from coordination.store.database import Database
from tests.integration.store.silent import Silent, silent
from tests.integration.store.steps import agent, leases, try_claim

LOCK = "SELECT coordination_lock_session('local', 'demo')"
# More than a connection takes before somebody reads.
LONG = f"{LOCK}, repeat('x', 10000000)"
LATER = "clock_timestamp() - interval '3 seconds'"


async def never_read(process: Silent) -> None:
    """Ask for more than the connection takes."""
    await process.ask(LONG)


async def half_sent(process: Silent) -> None:
    """Send half of a group."""
    await process.begin_group(LOCK)


async def until_it_waits(database: Database) -> None:
    """Return once a backend waits for its client with a lock."""
    while not await database.fetch(
        """SELECT 1 FROM pg_stat_activity a JOIN pg_locks l USING (pid)
           WHERE l.locktype = 'advisory' AND l.granted AND a.wait_event_type = 'Client'
             AND a.application_name <> 'pause'"""
    ):
        pass


@pytest.mark.parametrize("stop", [never_read, half_sent])
async def test_a_stopped_process_loses_its_connection_and_the_session_goes_on(
    own_database: Database, monkeypatch: pytest.MonkeyPatch, stop: Callable[[Silent], Awaitable[None]]
) -> None:
    async with silent(own_database.dsn) as process:
        await stop(process)
        await until_it_waits(own_database)
        # It is given three seconds; until then, and without the look, everybody waits for it in vain.
        assert await stopped.end(own_database) == 0
        with pytest.raises(RetryLater):
            await try_claim(own_database, agent("impl_a"), "a.py")
        monkeypatch.setattr(stopped, "END", stopped.END.replace(LATER, "clock_timestamp()"))
        assert await stopped.end(own_database) == 1
        assert isinstance(await try_claim(own_database, agent("impl_a"), "a.py"), Granted)
    assert len(await leases(own_database)) == 1


async def test_who_waits_for_a_lock_or_says_nothing_between_calls_is_left_alone(
    own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopped, "END", stopped.END.replace(LATER, "clock_timestamp()"))
    async with silent(own_database.dsn) as idle:
        await idle.ask("SELECT 1")
        calls = [
            asyncio.create_task(try_claim(own_database, agent(f"impl_{n}"), f"{n}.py")) for n in range(4)
        ]
        while not all(call.done() for call in calls):
            assert await stopped.end(own_database) == 0
    assert all(isinstance(call.result(), Granted) for call in calls)


async def test_a_call_that_begins_while_somebody_looks_is_left_alone(
    own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The look reads what every backend does, then who holds locks; here it pauses between the two.
    paused = "FROM (SELECT *, pg_advisory_xact_lock(pid * 0 + 7) FROM pg_stat_activity OFFSET 0) a"
    slow = stopped.END.replace("FROM pg_stat_activity a", paused)
    assert slow != stopped.END
    monkeypatch.setattr(stopped, "END", slow.replace(LATER, "clock_timestamp()"))
    pause = await own_database.connect("pause")
    async with silent(own_database.dsn) as process, pause.transaction():
        await process.ask("SELECT 1")
        await pause.execute("SELECT pg_advisory_xact_lock(7)")
        look = asyncio.create_task(stopped.end(own_database))
        while not await pause.fetch("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            pass
        await process.begin_group(LOCK)
        await until_it_waits(own_database)
        await pause.execute("COMMIT")
        assert await look == 0
    await pause.close()


@pytest.mark.parametrize("whose", ["another program's", "another database's"])
async def test_whoever_is_not_of_this_service_is_left_alone(
    own_database: Database, server_dsn: str, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    monkeypatch.setattr(stopped, "END", stopped.END.replace(LATER, "clock_timestamp()"))
    foreign = (
        silent(own_database.dsn, application_name="psql")
        if whose == "another program's"
        else silent(server_dsn)
    )
    async with foreign as process:
        await process.begin_group("SELECT pg_advisory_xact_lock(1)")
        await until_it_waits(own_database)
        assert await stopped.end(own_database) == 0


async def test_a_running_service_ends_what_another_left_by_itself(
    own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopped, "END", stopped.END.replace(LATER, "clock_timestamp()"))
    monkeypatch.setattr(core, "LOOK_FOR_STOPPED_SECONDS", 0.01)
    async with silent(own_database.dsn) as process:
        await half_sent(process)
        await until_it_waits(own_database)
        service = core.Core(own_database.dsn)
        async with service.running():
            assert isinstance(await try_claim(service.database, agent("impl_a"), "a.py"), Granted)
