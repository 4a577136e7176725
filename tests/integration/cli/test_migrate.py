"""`coord migrate`: look, go forward, go back with consent, print the SQL; on a database of one's own and embedded."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from coordination.cli import run
from coordination.store import schema_version
from coordination.store.migration import verify
from migrations import freeze
from tests.conftest import administer
from tests.integration.installation import Installation

NEWEST = schema_version.known()[-1]


class Own:
    """`coord` in this process, on an empty database of one's own: loading the migration tool takes a second."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def coord(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command line, in a thread: it has an event loop of its own."""
        code = await asyncio.to_thread(run, arguments)
        out, err = self._capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, out, err)

    async def json(self, *arguments: str) -> Any:
        """Run a command line that must succeed, and return its answer."""
        done = await self.coord(*arguments, "--json")
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout)


@pytest.fixture
def own(
    tmp_path: Path, empty_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Own:
    for name, value in Installation(tmp_path, DATABASE_URL=empty_dsn).environment.items():
        monkeypatch.setenv(name, value)
    return Own(capsys)


async def tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()
    return {row["tablename"] for row in rows}


async def test_it_goes_forward_is_checked_and_goes_back_with_consent(own: Own, empty_dsn: str) -> None:
    behind = await own.coord("migrate", "--check", "--json")
    assert behind.returncode == 5
    assert json.loads(behind.stdout) == {"revision": None, "newest": NEWEST, "current": False}
    assert await tables(empty_dsn) == set()

    assert await own.json("migrate") == {"before": None, "after": NEWEST, "policies_applied": False}
    assert "file_locks" in await tables(empty_dsn)
    assert (await own.json("migrate", "--check"))["current"] is True
    assert (await own.coord("migrate")).stdout == f"Nothing to do: the database is at {NEWEST}.\n"

    refused = await own.coord("migrate", "--to", "base")
    assert refused.returncode == 2
    assert "deletes these tables" in refused.stderr
    assert "plan_analyses, plans, indexed_files, file_indexes, coordination_events" in refused.stderr
    less = await own.coord("migrate", "--to", "0002")
    assert "workspaces, plan_analyses, plans." in less.stderr
    assert "migrate --to base --yes" in refused.stderr
    assert "file_locks" in await tables(empty_dsn)

    done = await own.coord("migrate", "--to", "base", "--yes")
    assert done.stdout == f"Migrated from {NEWEST} to no revision.\n"
    assert "coordination_events" not in await tables(empty_dsn)


async def test_a_database_of_a_newer_release_stays_as_it_is(own: Own, empty_dsn: str) -> None:
    await administer(
        empty_dsn, "CREATE TABLE coordination_schema_version (version_num varchar(32) PRIMARY KEY)"
    )
    await administer(empty_dsn, "INSERT INTO coordination_schema_version VALUES ('from_the_future')")
    future = "from_the_future"
    assert await own.json("migrate") == {"before": future, "after": future, "policies_applied": False}
    looked = await own.coord("migrate", "--check")
    assert (looked.returncode, looked.stdout) == (
        5,
        f"The database is at from_the_future, which a newer release made; this one knows {NEWEST}.\n",
    )
    assert await tables(empty_dsn) == {"coordination_schema_version"}


async def test_the_printed_sql_makes_the_schema_and_undoes_it(own: Own, empty_dsn: str) -> None:
    up = await own.coord("migrate", "--sql")
    await administer(empty_dsn, up.stdout)
    assert (await own.json("migrate", "--check"))["revision"] == NEWEST
    down = await own.coord("migrate", "--sql", "--to", "base")
    await administer(empty_dsn, down.stdout)
    assert "coordination_events" not in await tables(empty_dsn)
    assert (up.stderr, down.stderr) == ("", "")


async def test_an_unknown_revision_is_refused_with_the_known_ones(own: Own) -> None:
    for arguments in (("migrate", "--to", "9999"), ("migrate", "--sql", "--to", "9999")):
        done = await own.coord(*arguments)
        assert done.returncode == 2
        assert "9999" in done.stderr


def test_a_database_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    installation = Installation(tmp_path, DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/name")
    done = installation.coord("migrate", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "database"
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


async def doctor_says(own: Own) -> dict[str, str]:
    """What the doctor finds of the policies."""
    checks = json.loads((await own.coord("doctor", "--json")).stdout)["checks"]
    return next(check for check in checks if check["name"] == "row policies")


async def test_roles_that_came_later_get_their_policies(own: Own, server_dsn: str, empty_dsn: str) -> None:
    assert (await doctor_says(own))["state"] == "skipped"
    await own.json("migrate")
    assert (await doctor_says(own))["state"] == "ok"
    await administer(empty_dsn, (freeze.HERE / "checks" / "supabase.sql").read_text(encoding="utf-8"))
    try:
        absent = await doctor_says(own)
        assert (absent["state"], absent["mend"].endswith("coord migrate")) == ("failed", True)
        assert (await own.coord("migrate")).stdout.startswith("Applied the policies")
        assert (await doctor_says(own))["state"] == "ok"
        assert await own.json("migrate") == {"before": NEWEST, "after": NEWEST, "policies_applied": False}
        assert await verify(empty_dsn) == ()
    finally:
        await administer(empty_dsn, "DROP OWNED BY anon, authenticated CASCADE")
        await administer(server_dsn, "DROP ROLE anon, authenticated")
