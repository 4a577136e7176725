"""Sudden deaths: nothing is left running, nothing acknowledged is lost, and the service heals itself."""

import asyncio
import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

from coordination.embedded import EmbeddedPostgres, launcher, obstacles
from tests.integration.embedded.conftest import Services
from tests.integration.embedded.query import ask, ask_when_back, numbers, until, write_rows
from tests.integration.embedded.service import Watchdog, has_ended, left_after_all_ended, left_of, running

pytestmark = pytest.mark.acceptance

both_watchdogs = pytest.mark.parametrize("watchdog", ["signal", "pipe"])


@both_watchdogs
def test_a_killed_service_leaves_nothing_running(
    folder: Path, services: Services, watchdog: Watchdog
) -> None:
    service = services.start(folder, watchdog)
    assert psutil.pid_exists(service.ready().pid)
    programs = running(folder)
    service.kill()
    assert left_of(programs) == []


@both_watchdogs
async def test_acknowledged_rows_outlive_a_killed_service(
    folder: Path, services: Services, watchdog: Watchdog
) -> None:
    service = services.start(folder, watchdog)
    writing = asyncio.create_task(write_rows(service.ready().dsn))
    await ask_when_back(service_dsn(folder), "SELECT 1 / count(*) FROM kept")
    service.kill()
    acknowledged = await writing
    assert acknowledged
    dsn = services.start(folder, watchdog).ready().dsn
    assert set(acknowledged) <= await numbers(dsn)


@both_watchdogs
async def test_acknowledged_rows_outlive_a_killed_postgres(
    folder: Path, services: Services, watchdog: Watchdog
) -> None:
    answer = services.start(folder, watchdog).ready()
    writing = asyncio.create_task(write_rows(answer.dsn))
    await ask_when_back(answer.dsn, "SELECT 1 / count(*) FROM kept")
    psutil.Process(answer.pid).kill()
    acknowledged = await writing
    assert acknowledged
    assert set(acknowledged) <= await numbers(answer.dsn)
    assert EmbeddedPostgres(folder).pid not in {None, answer.pid}


async def test_a_killed_watchdog_is_replaced(folder: Path, services: Services) -> None:
    service = services.start(folder, "pipe")
    answer = service.ready()
    watchdog = psutil.Process(answer.pid).parent()
    assert watchdog
    assert watchdog.pid != service.program.pid
    watchdog.kill()
    await until(lambda: EmbeddedPostgres(folder).pid not in {None, answer.pid})
    await ask_when_back(answer.dsn, "SELECT 1")
    service.kill()
    assert left_after_all_ended(folder) == []


async def test_a_watchdog_that_is_told_to_end_takes_postgres_with_it(
    folder: Path, services: Services
) -> None:
    answer = services.start(folder, "pipe").ready()
    watchdog = psutil.Process(answer.pid).parent()
    assert watchdog
    watchdog.terminate()
    assert left_of([psutil.Process(answer.pid), watchdog]) == []
    assert await ask_when_back(answer.dsn, "SELECT 1") == 1


async def test_a_killed_backend_has_the_whole_server_started_anew(folder: Path, services: Services) -> None:
    """Postgres's own restart would wait for ever when its recovery is killed as well."""
    answer = services.start(folder).ready()
    checkpointer_of(answer.pid).kill()
    await until(lambda: EmbeddedPostgres(folder).pid not in {None, answer.pid})
    assert await ask_when_back(answer.dsn, "SELECT 1") == 1


async def test_a_stopped_backend_of_a_killed_postgres_does_not_block_the_next(
    folder: Path, services: Services
) -> None:
    answer = services.start(folder).ready()
    checkpointer = checkpointer_of(answer.pid)
    checkpointer.send_signal(signal.SIGSTOP)
    psutil.Process(answer.pid).kill()
    assert await ask_when_back(answer.dsn, "SELECT 1") == 1
    assert has_ended(checkpointer)


def test_a_stopped_backend_does_not_outlive_a_clean_stop(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = ((signal.SIGINT, 0.2), (signal.SIGQUIT, 0.2), (signal.SIGKILL, 20.0))
    monkeypatch.setattr(launcher, "PATIENCE", brief)
    postgres = EmbeddedPostgres(folder, watchdog="signal")
    postgres.start()
    programs = running(folder)
    checkpointer_of(postgres.pid).send_signal(signal.SIGSTOP)
    postgres.stop()
    assert left_of(programs) == []


@pytest.mark.slow("Postgres itself waits five seconds before it kills a backend that does not follow")
async def test_a_shutdown_that_a_stopped_backend_holds_up_is_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obstacles, "STOPPING_SECONDS", 0.2)
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    try:
        first = postgres.pid
        assert first
        checkpointer_of(first).send_signal(signal.SIGSTOP)
        obstacles.ask(first, signal.SIGINT)
        await until(lambda: not postgres.alive())
        assert postgres.ensure()
        assert postgres.pid not in {None, first}
    finally:
        postgres.stop()


async def test_a_removed_socket_is_made_again(folder: Path, services: Services) -> None:
    answer = services.start(folder).ready()
    (folder / "postgres" / ".s.PGSQL.5432").unlink()
    assert await ask_when_back(answer.dsn, "SELECT 1") == 1
    assert EmbeddedPostgres(folder).pid != answer.pid


async def test_a_pid_that_now_belongs_to_somebody_else_does_not_block_the_start(
    folder: Path, services: Services
) -> None:
    owner = (folder / "postgres").stat()
    stranger = await asyncio.create_subprocess_exec("sleep", "60", user=owner.st_uid, group=owner.st_gid)
    try:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            path = folder / "postgres" / name
            path.write_text(f"{stranger.pid}\n{folder}/postgres\n1\n5432\n{folder}/postgres\n\n1 1\nready\n")
            os.chown(path, owner.st_uid, owner.st_gid)
        assert not EmbeddedPostgres(folder).alive()
        assert await ask(services.start(folder).ready().dsn, "SELECT 1") == 1
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_data_folder_that_vanishes_is_not_replaced_by_an_empty_one(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    keeper = asyncio.create_task(postgres.keep_alive(interval=0.05))
    (folder / "postgres").rename(folder / "elsewhere")
    assert postgres.pid is None
    try:
        await until(lambda: "postgres was deleted while it was in use" in caplog.text)
        assert not (folder / "postgres").exists()
    finally:
        postgres.stop()
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
    (folder / "elsewhere").rename(folder / "postgres")


async def test_a_server_that_a_thread_started_outlives_the_thread(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    thread = threading.Thread(target=postgres.start)
    thread.start()
    thread.join()
    try:
        assert await ask(postgres.dsn, "SELECT 1") == 1
        assert postgres.alive()
    finally:
        postgres.stop()


async def test_the_death_signal_is_refused_outside_the_main_thread(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="needs Linux and the main thread"):
        await asyncio.to_thread(EmbeddedPostgres(folder, watchdog="signal").start)


async def test_keep_alive_ends_with_stop(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    keeper = asyncio.create_task(postgres.keep_alive(interval=0.01))
    postgres.stop()
    await asyncio.wait_for(keeper, 20)
    assert not postgres.alive()


def checkpointer_of(pid: int | None) -> psutil.Process:
    """One of the processes of the server `pid`, which is there from its start to its end."""
    backends = psutil.Process(pid).children()
    return next(found for found in backends if "checkpointer" in " ".join(found.cmdline()))


def service_dsn(folder: Path) -> str:
    return EmbeddedPostgres(folder).dsn
