"""Several services on one data folder: one server, which outlives any of them."""

from pathlib import Path

import psutil
import pytest

from coordination.embedded import EmbeddedPostgres
from tests.integration.embedded.conftest import Services
from tests.integration.embedded.query import ask, ask_when_back
from tests.integration.embedded.service import aside, left_after_all_ended, running

pytestmark = pytest.mark.acceptance


async def test_the_second_service_takes_over_when_the_first_is_killed(
    folder: Path, services: Services
) -> None:
    first, second = services.start(folder), None
    started = first.ready()
    second = services.start(folder)
    assert second.ready() == started
    await ask(started.dsn, "CREATE TABLE kept AS SELECT 7 AS number")
    first.kill()
    assert await ask_when_back(started.dsn, "SELECT number FROM kept") == 7
    second.kill()
    assert left_after_all_ended(folder) == []


async def test_the_first_service_goes_on_when_the_second_is_killed(folder: Path, services: Services) -> None:
    first = services.start(folder)
    started = first.ready()
    second = services.start(folder)
    second.ready()
    second.kill()
    assert await ask(started.dsn, "SELECT 1") == 1
    assert EmbeddedPostgres(folder).pid == started.pid


async def test_a_clean_stop_of_the_first_hands_over_to_the_second(folder: Path, services: Services) -> None:
    first = services.start(folder)
    started = first.ready()
    second = services.start(folder)
    second.ready()
    await ask(started.dsn, "CREATE TABLE kept AS SELECT 7 AS number")
    assert first.stop() == 0
    assert await ask_when_back(started.dsn, "SELECT number FROM kept") == 7
    assert second.stop() == 0
    assert left_after_all_ended(folder) == []


async def test_a_clean_stop_of_the_second_touches_nothing(folder: Path, services: Services) -> None:
    started = services.start(folder).ready()
    second = services.start(folder)
    second.ready()
    assert second.stop() == 0
    assert await ask(started.dsn, "SELECT 1") == 1
    assert EmbeddedPostgres(folder).pid == started.pid


async def test_both_watchdogs_can_share(folder: Path, services: Services) -> None:
    first = services.start(folder, "pipe")
    started = first.ready()
    second = services.start(folder, "signal")
    second.ready()
    first.kill()
    assert await ask_when_back(started.dsn, "SELECT 1") == 1
    second.kill()
    assert left_after_all_ended(folder) == []


async def test_simultaneous_cold_starts_make_one_cluster_and_one_server(
    empty_folder: Path, services: Services
) -> None:
    started = [services.start(empty_folder) for _ in range(3)]
    answers = [service.ready() for service in started]
    assert len({answer.pid for answer in answers}) == 1
    postmasters = [found for found in running(empty_folder) if found.pid == answers[0].pid]
    assert len(postmasters) == 1
    parents = {found.ppid() for found in running(empty_folder)} - {answers[0].pid}
    assert parents <= {service.program.pid for service in started}
    assert await ask(answers[0].dsn, "SELECT 1") == 1
    assert aside(empty_folder) == []


async def test_the_server_outlives_a_chain_of_owners(folder: Path, services: Services) -> None:
    older = services.start(folder)
    dsn = older.ready().dsn
    await ask(dsn, "CREATE TABLE kept AS SELECT 0 AS number")
    for number in range(1, 4):
        younger = services.start(folder)
        younger.ready()
        older.kill()
        await ask_when_back(dsn, "SELECT 1")
        await ask(dsn, "UPDATE kept SET number = $1", number)
        older = younger
    assert await ask(dsn, "SELECT number FROM kept") == 3
    assert psutil.pid_exists(older.program.pid)
