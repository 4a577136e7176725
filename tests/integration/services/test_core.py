"""The background work of a process: it repeats, outlives its failures, and ends when the process does."""

import asyncio

import pytest
from structlog.testing import capture_logs

from coordination.domain.errors import RetryLater, UnknownItem
from coordination.domain.identity import Identity
from coordination.services import agent as agents
from coordination.services import core as services
from coordination.services import file_lock, session
from coordination.services.core import Core, repeat
from coordination.store.database import Database
from tests.integration.store.steps import agent, granted

IDENTITY = Identity("local", "alice", "demo", "impl_a", "implementer", "claude")
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


async def test_background_work_outlives_its_failures() -> None:
    failures: list[Exception] = [RetryLater("away"), ValueError("a fault")]
    done = asyncio.Event()

    async def work() -> None:
        if failures:
            raise failures.pop(0)
        done.set()

    with capture_logs() as logs:
        repeating = asyncio.create_task(repeat(0.001, work))
        await done.wait()
        repeating.cancel()
    assert [entry["event"] for entry in logs] == ["background_work_postponed", "background_work_failed"]


async def test_a_failure_that_goes_on_is_told_once_with_its_traceback_and_then_seldom() -> None:
    done = asyncio.Event()
    times = 0

    async def work() -> None:
        nonlocal times
        times += 1
        if times == 20:
            done.set()
        raise ValueError("a fault")

    with capture_logs() as logs:
        repeating = asyncio.create_task(repeat(0.001, work))
        await done.wait()
        repeating.cancel()
    (entry,) = logs
    assert (entry["event"], entry["why"]) == ("background_work_failed", "ValueError: a fault")
    assert entry["exc_info"]


async def test_a_failure_that_comes_back_is_told_with_its_traceback_again() -> None:
    failures = [True, True, False, True, True]
    done = asyncio.Event()

    async def work() -> None:
        if not failures:
            done.set()
        elif failures.pop(0):
            raise ValueError("a fault")

    with capture_logs() as logs:
        repeating = asyncio.create_task(repeat(0.001, work))
        await done.wait()
        repeating.cancel()
    assert [(entry["why"], "exc_info" in entry) for entry in logs] == [("ValueError: a fault", True)] * 2


async def test_a_process_without_its_database_runs_and_ends() -> None:
    core = Core(NOWHERE)
    with capture_logs() as logs:
        async with core.running():
            core.presence.called(IDENTITY)
            with pytest.raises(RetryLater, match="not reachable"):
                await file_lock.list_locks(core, "local", "demo", None, 10)
            assert not core.feed.listening
    assert "presence_not_written_at_stop" in [entry["event"] for entry in logs]


async def test_what_outlives_its_call_is_finished_at_the_end() -> None:
    done: list[int] = []

    async def rest(more: int) -> None:
        await core.rest(3600)
        await asyncio.sleep(0)
        done.append(more)
        if more:
            core.finish(rest(more - 1))

    core = Core(NOWHERE)
    async with core.running():
        core.finish(rest(20))
        await asyncio.sleep(0)
    assert done[-1] == 0


async def test_what_outlives_its_call_for_too_long_is_cut_off_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "FINISH_SECONDS", 0.05)
    cut_off = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    core = Core(NOWHERE)
    with capture_logs() as logs:
        async with core.running():
            core.finish(hang())
            await asyncio.sleep(0)
    assert cut_off.is_set()
    (entry,) = [entry for entry in logs if entry["event"] == "calls_not_finished_at_stop"]
    assert entry["number"] == 1


async def test_a_call_under_way_is_told_to_come_again_whenever_its_pool_is_closed(clean_dsn: str) -> None:
    for turns in range(60):
        database = Database(clean_dsn)
        await database.fetch("SELECT 1")
        call = asyncio.create_task(database.fetch("SELECT 2"))
        for _ in range(turns):
            await asyncio.sleep(0)
        await database.close()
        (outcome,) = await asyncio.gather(call, return_exceptions=True)
        assert isinstance(outcome, list | RetryLater)


async def test_what_the_driver_lacks_between_two_steps_is_a_fault_unless_its_pool_was_closed(
    clean_dsn: str,
) -> None:
    database = Database(clean_dsn)
    with pytest.raises(AttributeError):
        async with database.connection():
            raise AttributeError
    with pytest.raises(RetryLater):
        async with database.connection():
            await database.close()
            raise AttributeError


async def test_a_core_that_has_ended_opens_no_connection_any_more(clean_dsn: str) -> None:
    core = Core(clean_dsn)
    async with core.running():
        under_way = asyncio.create_task(core.database.fetch("SELECT pg_sleep(60)"))
        await core.database.fetch("SELECT 1")
    for call in (under_way, core.database.fetch("SELECT 1")):
        with pytest.raises(RetryLater):
            await call


async def test_places_and_leases_that_ended_are_announced(core: Core, database: Database) -> None:
    await granted(database, agent("impl_a"), "a.py")
    await database.fetch("UPDATE file_locks SET expires_at = clock_timestamp() RETURNING 1")
    with core.feed.subscribe("local", "demo", freed_only=True) as subscription:
        await subscription.wake.wait()
    assert await session.list_sessions(core, "local", None, 10) != []


async def test_an_unknown_session_has_no_status(core: Core) -> None:
    with pytest.raises(UnknownItem):
        await agents.read_status(core, "local", "none")
    await agents.join(core, agent("impl_a"))
    status = await agents.read_status(core, "local", "demo")
    assert [found.agent_id for found in status.agents] == ["alice/impl_a"]
    with pytest.raises(UnknownItem):
        await agents.read_status(core, "another", "demo")
