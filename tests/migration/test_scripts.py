"""The scripts for people who run SQL by hand are what the revisions do, and work where `coord migrate` works."""

import asyncio
import shutil
from asyncio.subprocess import PIPE

import asyncpg
import pytest

from coordination.store.migration import current, head, migrate, verify, verify_script
from coordination.store.migration_text import script, step
from coordination.store.schema_version import known
from migrations import freeze
from tests.migration.catalog import catalog
from tests.migration.guide_database import guide_rows, guide_sql, run

REFRESH = "run: make freeze"


def committed(name: str) -> str:
    return (freeze.HERE / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def test_the_committed_scripts_are_those_of_the_revisions() -> None:
    assert committed("up") == freeze.up_sql(), REFRESH
    assert committed("down") == freeze.down_sql(), REFRESH


def test_the_committed_files_for_supabase_are_those_of_the_revisions() -> None:
    pushed = {file.name: file.read_text(encoding="utf-8") for file in freeze.SUPABASE.iterdir()}
    assert pushed == freeze.supabase_migrations(), REFRESH
    assert sorted(pushed) == list(freeze.supabase_migrations()), "their order is that of the revisions"


async def test_the_committed_verification_is_that_of_a_migrated_database(supabase_dsn: str) -> None:
    await migrate(supabase_dsn)
    assert committed("verify") == await freeze.verify_sql(supabase_dsn), REFRESH
    assert verify_script() == committed("verify")


async def test_they_bring_an_empty_database_up_and_back(empty_dsn: str, migrated_dsn: str) -> None:
    nothing = await catalog(empty_dsn)
    await run(empty_dsn, committed("up"), committed("verify"))
    assert await catalog(empty_dsn) == await catalog(migrated_dsn)
    assert await migrate(empty_dsn) == (head(), head())
    await run(empty_dsn, committed("down"), guide_sql("rollback"))
    assert await catalog(empty_dsn) == nothing
    assert await current(empty_dsn) is None


async def test_they_adopt_the_guides_database_and_give_it_back(guide_dsn: str) -> None:
    schema = await catalog(guide_dsn)
    await run(guide_dsn, committed("up"), committed("verify"))
    rows = await guide_rows(guide_dsn)
    assert await migrate(guide_dsn, "base") == (head(), None)
    await run(guide_dsn, committed("up"), committed("down"))
    assert (await catalog(guide_dsn), await guide_rows(guide_dsn)) == (schema, rows)


async def test_up_on_a_migrated_database_does_nothing(dsn: str, migrated_dsn: str) -> None:
    await run(dsn, script(), *freeze.supabase_migrations().values())
    assert await catalog(dsn) == await catalog(migrated_dsn)


async def test_up_goes_on_from_any_revision(guide_dsn: str) -> None:
    for revision in known()[:-1]:
        await migrate(guide_dsn, revision)
        await run(guide_dsn, script())
        assert await verify(guide_dsn) == ()
        await migrate(guide_dsn, "base")


async def test_a_database_of_a_later_release_is_left_as_it_is(dsn: str) -> None:
    await run(dsn, "UPDATE coordination_schema_version SET version_num = '9999'")
    await run(dsn, script(), *freeze.supabase_migrations().values())
    assert await current(dsn) == "9999"


async def test_a_revision_is_not_applied_before_the_one_that_it_follows(empty_dsn: str) -> None:
    nothing = await catalog(empty_dsn)
    with pytest.raises(asyncpg.RaiseError, match="0003 follows 0002, and this database is at no revision"):
        await run(empty_dsn, step("0003", alone=True))
    assert await catalog(empty_dsn) == nothing


async def test_supabases_files_make_the_same_schema(empty_dsn: str, migrated_dsn: str) -> None:
    for text in freeze.supabase_migrations().values():
        await run(empty_dsn, text)
    assert await catalog(empty_dsn) == await catalog(migrated_dsn)
    assert await migrate(empty_dsn) == (head(), head())


DAMAGES = {
    "DROP TABLE tasks": "missing: table tasks",
    "DROP INDEX idx_file_locks_expires_at": "missing: index CREATE INDEX idx_file_locks_expires_at",
    "ALTER TABLE file_locks DROP COLUMN slot CASCADE": "missing: column file_locks.slot",
    "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY": "missing: row level security on tasks",
    "ALTER TABLE tasks DROP CONSTRAINT tasks_pkey": "missing: constraint on tasks: PRIMARY KEY",
    "DROP FUNCTION coordination_confirm_news": "missing: function coordination_confirm_news(",
    "ALTER FUNCTION coordination_confirm_news RESET search_path": "missing: function coordination_confirm_news(",
    "ALTER FUNCTION coordination_confirm_news SECURITY DEFINER": "missing: function coordination_confirm_news(",
    "ALTER TABLE file_locks DISABLE TRIGGER coordination_complete_file_lock": "missing: trigger CREATE TRIGGER",
    "DROP SEQUENCE coordination_fencing_token CASCADE": "missing: sequence coordination_fencing_token",
    "GRANT SELECT ON tasks TO PUBLIC": "open: PUBLIC may select on tasks",
    "GRANT SELECT (payload) ON coordination_events TO PUBLIC": "open: PUBLIC may select on coordination_events.payload",
    "GRANT EXECUTE ON FUNCTION coordination_confirm_news TO PUBLIC": "open: PUBLIC may execute on coordination_",
    "GRANT USAGE ON SEQUENCE coordination_fencing_token TO PUBLIC": "open: PUBLIC may usage on coordination_fencing_",
    "GRANT USAGE ON SEQUENCE file_lock_waiters_ticket_seq TO PUBLIC": "open: PUBLIC may usage on file_lock_waiters_",
    "UPDATE coordination_schema_version SET version_num = '0000'": f"the revision is not {head()}",
    "DROP TABLE coordination_schema_version": "no revision was applied",
}


async def test_the_verification_tells_what_is_wrong(migrated_dsn: str) -> None:
    connection = await asyncpg.connect(migrated_dsn)
    try:
        for damage, told in DAMAGES.items():
            undo = connection.transaction()
            await undo.start()
            await connection.execute(damage)
            with pytest.raises(asyncpg.RaiseError) as raised:
                await connection.execute(verify_script())
            assert [
                line for line in (raised.value.detail or "").splitlines() if line.startswith(told)
            ] != [], damage
            await undo.rollback()
        await connection.execute(verify_script())
    finally:
        await connection.close()


async def test_what_is_wrong_is_told_line_by_line(dsn: str) -> None:
    assert await verify(dsn) == ()
    await run(dsn, "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY", "GRANT DELETE ON tasks TO PUBLIC")
    assert await verify(dsn) == ("missing: row level security on tasks", "open: PUBLIC may delete on tasks")


@pytest.mark.skipif(
    shutil.which("psql") is None, reason="psql is not installed; the driver runs the same texts above"
)
@pytest.mark.parametrize("name", ["up", "verify", "down"])
async def test_psql_runs_them(guide_dsn: str, name: str) -> None:
    if name != "up":
        await migrate(guide_dsn)
    file = freeze.HERE / "sql" / f"{name}.sql"
    client = await asyncio.create_subprocess_exec(
        *("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file), guide_dsn), stdout=PIPE, stderr=PIPE
    )
    shown, errors = await client.communicate()
    assert (client.returncode, errors) == (0, b"")
    assert (b"ok" in shown) == (name == "verify")
    assert await current(guide_dsn) == (None if name == "down" else head())
