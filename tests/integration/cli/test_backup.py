"""`coord backup` and `coord restore`: every row comes back, in one transaction, under higher fencing tokens."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from coordination.app import backup
from coordination.domain.file_lock import Granted
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.store import migration
from coordination.store.schema_version import known
from tests.integration.cli.running import Coord
from tests.integration.installation import Installation
from tests.integration.services.tenants import furnish
from tests.integration.store.steps import agent, expire, wanted

CoordOn = Callable[[str], Coord]
NEWEST = known()[-1]
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'strangers' ORDER BY 1"
STRANGER = "CREATE TABLE strangers (name text); INSERT INTO strangers VALUES ('theirs')"
CREDENTIALS = """
    INSERT INTO workspaces (id, name, created_at) VALUES ('local', 'ours', now());
    INSERT INTO workspace_members (workspace_id, user_id, role, joined_at) VALUES ('local', 'alice', 'owner', now());
    INSERT INTO agent_tokens (workspace_id, id, digest, user_id, scopes, created_by, created_at)
    VALUES ('local', 't1', '\\xc0ffee', 'alice', '{read,write}', 'alice', now());
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept.dump"


@pytest.fixture
def coord_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CoordOn:
    """`coord` in this process, on a database."""

    for name, value in Installation(tmp_path).environment.items():
        monkeypatch.setenv(name, value)

    def on(dsn: str) -> Coord:
        monkeypatch.setenv("DATABASE_URL", dsn)
        return Coord(capsys)

    return on


async def every_row(dsn: str) -> dict[str, list[str]]:
    """Every row of every table of ours."""
    connection = await asyncpg.connect(dsn)
    try:
        found: dict[str, list[str]] = {}
        for table in [row["tablename"] for row in await connection.fetch(TABLES)]:
            rows = await connection.fetch(f"SELECT to_jsonb(r)::text AS r FROM {table} r ORDER BY 1")  # noqa: S608 - from the catalog
            found[table] = [row["r"] for row in rows]
        return found
    finally:
        await connection.close()


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def fill(dsn: str) -> int:
    """Fill a database with two workspaces and what is beside them; returns the last fencing token."""
    core = Core(dsn)
    await furnish(core, "local")
    await furnish(core, "red")
    await expire(core.database, "loud.py")
    await core.database.close()
    await execute(dsn, CREDENTIALS, STRANGER)
    return await claim(dsn, "last.py")


async def claim(dsn: str, path: str) -> int:
    """Claim, and return the fencing token."""
    core = Core(dsn)
    try:
        outcome = await file_lock.claim(core, agent("impl_z"), wanted(path))
    finally:
        await core.database.close()
    assert isinstance(outcome, Granted)
    return outcome.granted_tokens[0]


async def test_every_row_comes_back_elsewhere_and_tokens_go_on_above(
    coord_on: CoordOn, dsn: str, empty_dsn: str, file: Path
) -> None:
    last = await fill(dsn)
    # Handed out ahead of the clock, as nobody can but by a thousand leases a second for long.
    await execute(dsn, f"SELECT setval('coordination_fencing_token', {last} + 86400000)")
    ahead = await claim(dsn, "ahead.py")
    before = await every_row(dsn)
    assert all(before[table] for table in before if table != "workspace_invitations")

    answer = (await coord_on(dsn)("backup", str(file), "--json")).json
    written = os.stat(file)
    assert answer == {"file": str(file), "bytes": written.st_size, "revision": NEWEST}
    assert stat.S_IMODE(written.st_mode) == 0o600
    assert [one.name for one in file.parent.glob("*.dump*")] == [file.name]
    answer = (await coord_on(empty_dsn)("restore", str(file), "--json")).json
    assert answer == {"file": str(file), "revision": NEWEST, "migrated_to": NEWEST}

    assert await every_row(empty_dsn) == before
    assert await migration.verify(empty_dsn) == ()
    assert await claim(empty_dsn, "loud.py") > ahead  # its lease had ended, and stayed so
    assert await claim(empty_dsn, "next.py") > ahead


async def test_what_is_there_is_replaced_only_when_asked_and_others_tables_never(
    coord_on: CoordOn, dsn: str, file: Path
) -> None:
    await fill(dsn)
    coord = coord_on(dsn)
    assert (await coord("backup", str(file))).exit_code == 0
    kept = await every_row(dsn)
    later = await claim(dsn, "later.py")
    refused = await coord("restore", str(file))
    assert refused.exit_code == 2
    assert "is not empty" in refused.err
    assert "--replace" in refused.err
    changed = await every_row(dsn)
    assert changed != kept

    assert (await coord("restore", str(file), "--replace")).exit_code == 0
    assert await every_row(dsn) == kept
    assert await claim(dsn, "next.py") > later
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT name FROM strangers") == "theirs"
    await connection.close()


async def test_a_backup_of_an_older_revision_is_brought_to_this_one(
    coord_on: CoordOn, dsn: str, empty_dsn: str, file: Path
) -> None:
    await fill(dsn)
    await migration.migrate(dsn, known()[2])
    before = await every_row(dsn)
    assert (await coord_on(dsn)("backup", str(file))).exit_code == 0
    assert (await coord_on(empty_dsn)("restore", str(file))).exit_code == 0
    after = await every_row(empty_dsn)
    assert {table: after[table] for table in before if table != "coordination_schema_version"} == {
        table: rows for table, rows in before.items() if table != "coordination_schema_version"
    }
    assert await migration.verify(empty_dsn) == ()


async def test_a_restore_that_fails_in_the_middle_changes_nothing(
    coord_on: CoordOn, dsn: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(dsn)
    coord = coord_on(dsn)
    assert (await coord("backup", str(file))).exit_code == 0
    before = await every_row(dsn)
    monkeypatch.setattr(backup, "RAISE", "SELECT 1 / 0;")
    failed = await coord("restore", str(file), "--replace")
    assert failed.exit_code == 1
    assert "nothing was changed" in failed.err
    assert "division by zero" in failed.err
    assert await every_row(dsn) == before


async def test_an_archive_that_is_cut_off_changes_nothing(coord_on: CoordOn, dsn: str, file: Path) -> None:
    await fill(dsn)
    coord = coord_on(dsn)
    assert (await coord("backup", str(file))).exit_code == 0
    before = await every_row(dsn)
    os.truncate(file, os.stat(file).st_size - 400)
    assert (await coord("restore", str(file), "--replace")).exit_code == 1
    assert await every_row(dsn) == before


async def test_it_refuses_while_a_service_works_there(coord_on: CoordOn, dsn: str, file: Path) -> None:
    await fill(dsn)
    coord = coord_on(dsn)
    assert (await coord("backup", str(file))).exit_code == 0
    core = Core(dsn)
    async with core.running():
        await core.database.fetch("SELECT 1")
        assert (await coord("backup", str(file.with_name("while.dump")))).exit_code == 0
        refused = await coord("restore", str(file), "--replace")
    assert refused.exit_code == 1
    assert "A service works on" in refused.err


async def test_it_refuses_what_is_no_backup_of_ours_or_of_a_newer_release(
    coord_on: CoordOn, dsn: str, file: Path
) -> None:
    coord = coord_on(dsn)
    assert (await coord("restore", __file__)).exit_code == 1
    assert (await coord("restore", str(file))).exit_code == 2
    await execute(dsn, "UPDATE coordination_schema_version SET version_num = '9999'")
    assert (await coord("backup", str(file))).exit_code == 0
    refused = await coord("restore", str(file))
    assert "The backup is of revision 9999" in refused.err


async def test_a_backup_never_writes_over_a_file_and_needs_a_schema(
    coord_on: CoordOn, empty_dsn: str, file: Path
) -> None:
    coord = coord_on(empty_dsn)
    assert "never migrated" in (await coord("backup", str(file))).err
    assert not list(file.parent.glob("*.dump*"))
    assert (await coord("backup", __file__)).exit_code == 2
    assert (await coord("backup", str(file.parent / "none" / "x.dump"))).exit_code == 2
