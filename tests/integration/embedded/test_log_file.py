"""The log of Postgres: complete enough to explain a failure, and never without bounds."""

import stat
from pathlib import Path

import pytest

from coordination.embedded import EmbeddedPostgres, PostgresUnavailable
from coordination.embedded.log_file import MAX_BYTES, LogFile
from tests.integration.embedded.query import ask


def test_it_holds_what_postgres_says_and_is_private(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    postgres.stop()
    log = folder / "logs" / "postgres.log"
    assert "database system is ready to accept connections" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_it_is_cut_while_postgres_writes(folder: Path) -> None:
    log = folder / "logs" / "postgres.log"
    postgres = EmbeddedPostgres(folder)
    dsn = postgres.start()
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write("x" * MAX_BYTES)
        LogFile(log).cut()
        assert log.stat().st_size == 0
        await ask(dsn, "SELECT 1 FROM (SELECT pg_reload_conf()) AS reloaded")
    finally:
        postgres.stop()
    assert log.read_text().count("database system is shut down") == 1
    assert log.stat().st_size < 1 << 20
    assert log.with_suffix(".log.1").stat().st_size > MAX_BYTES


def test_an_error_quotes_the_last_start_only(folder: Path) -> None:
    log = folder / "logs" / "postgres.log"
    log.parent.mkdir()
    log.write_text("old trouble\n")
    (folder / "postgres" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(PostgresUnavailable) as refused:
        EmbeddedPostgres(folder).start()
    assert "database files are incompatible" in refused.value.output
    assert "old trouble" not in refused.value.output
    assert log.read_text().startswith("old trouble\n")
