"""Starting and stopping: what a fresh server is like, where it is reached, what a second start finds."""

import os
import stat
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from coordination.embedded import EmbeddedPostgres
from tests.integration.embedded.query import ask
from tests.integration.embedded.service import running

SETTINGS = {
    "server_encoding": "UTF8",
    "data_checksums": "on",
    "synchronous_commit": "on",
    "fsync": "on",
    "timezone": "UTC",
    "listen_addresses": "",
    "max_connections": "33",
}


def socket_folder(dsn: str) -> Path:
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


async def test_a_cold_start_makes_a_durable_private_database(empty_folder: Path) -> None:
    postgres = EmbeddedPostgres(empty_folder, max_connections=33)
    dsn = postgres.start()
    try:
        shown = {name: await ask(dsn, "SELECT current_setting($1)", name) for name in SETTINGS}
        locale = await ask(dsn, "SELECT datlocale FROM pg_database WHERE datname = current_database()")
        names = await ask(dsn, "SELECT current_database() || ' of ' || current_user")
        version = await ask(dsn, "SHOW server_version")
    finally:
        postgres.stop()
    assert shown == SETTINGS
    assert locale == "C.UTF-8"
    assert names == "coordination of coordination"
    assert version == postgres.version


async def test_a_caller_can_replace_settings(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder, settings={"fsync": "off", "work_mem": "5MB"})
    try:
        assert await ask(postgres.start(), "SELECT current_setting('fsync')") == "off"
        assert await ask(postgres.dsn, "SELECT current_setting('work_mem')") == "5MB"
    finally:
        postgres.stop()


async def test_a_second_start_finds_what_the_first_one_wrote(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    assert await ask(postgres.start(), "CREATE TABLE kept AS SELECT 7 AS number") is None
    postgres.stop()
    again = EmbeddedPostgres(folder)
    try:
        assert await ask(again.start(), "SELECT number FROM kept") == 7
    finally:
        again.stop()


@pytest.mark.parametrize("watchdog", ["signal", "pipe"])
def test_stop_ends_it_and_may_be_repeated(folder: Path, watchdog: str) -> None:
    postgres = EmbeddedPostgres(folder, watchdog="signal" if watchdog == "signal" else "pipe")
    postgres.start()
    assert postgres.alive()
    assert postgres.pid in {found.pid for found in running(folder)}
    postgres.stop()
    postgres.stop()
    assert not postgres.alive()
    assert postgres.pid is None
    assert running(folder) == []


def test_stop_without_a_start_does_nothing(empty_folder: Path) -> None:
    postgres = EmbeddedPostgres(empty_folder)
    postgres.stop()
    assert not postgres.alive()
    assert list(empty_folder.iterdir()) == []


def test_only_one_private_socket_leads_to_it(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    at = socket_folder(postgres.start())
    try:
        sockets = [path for path in at.iterdir() if path.is_socket()]
        assert [stat.S_IMODE(path.stat().st_mode) for path in (at, *sockets)] == [0o700, 0o700]
        programs = running(folder)
        assert len(programs) > 1
        assert [found for program in programs for found in program.net_connections("inet")] == []
    finally:
        postgres.stop()


def test_it_is_no_part_of_our_terminal(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    try:
        assert postgres.pid
        assert os.getsid(postgres.pid) != os.getsid(0)
        assert os.getpgid(postgres.pid) != os.getpgid(0)
    finally:
        postgres.stop()


async def test_variables_for_other_servers_do_not_lead_astray(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPORT", "PGHOST", "PGUSER", "PGDATABASE", "PGDATA", "PGTZ"):
        monkeypatch.setenv(name, "1")
    postgres = EmbeddedPostgres(folder)
    try:
        assert await ask(postgres.start(), "SHOW timezone") == "UTC"
    finally:
        postgres.stop()


async def test_a_data_folder_may_lie_deep(long_folder: Path) -> None:
    postgres = EmbeddedPostgres(long_folder)
    dsn = postgres.start()
    try:
        assert await ask(dsn, "SELECT 1") == 1
        assert len(str(socket_folder(dsn))) < 60
        assert stat.S_IMODE(socket_folder(dsn).stat().st_mode) == 0o700
    finally:
        postgres.stop()
    assert not socket_folder(dsn).exists()


async def test_a_data_folder_may_have_an_odd_name(empty_folder: Path) -> None:
    postgres = EmbeddedPostgres(empty_folder / 'Ann\'s "data", ü & 100%')
    try:
        assert await ask(postgres.start(), "SELECT 1") == 1
    finally:
        postgres.stop()


def test_no_folder_is_loosened(empty_folder: Path) -> None:
    above = [empty_folder, *empty_folder.parents]
    before = [path.stat().st_mode for path in above]
    postgres = EmbeddedPostgres(empty_folder)
    postgres.start()
    postgres.stop()
    assert [path.stat().st_mode for path in above] == before
    assert stat.S_IMODE((empty_folder / "postgres").stat().st_mode) == 0o700


def test_ensure_starts_what_is_gone_and_leaves_what_runs(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    try:
        first = postgres.pid
        assert first
        assert not postgres.ensure()
        killed = psutil.Process(first)
        killed.kill()
        killed.wait(20)
        assert postgres.ensure()
        assert postgres.pid not in {None, first}
    finally:
        postgres.stop()
