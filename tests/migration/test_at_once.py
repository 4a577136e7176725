"""Several servers migrate one database at once, tables are in use, releases differ: it ends well or changes nothing."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from coordination.domain.errors import InvalidInput, RetryLater
from coordination.store.migration import current, head, migrate, migrate_blocking, verify
from coordination.store.migration_text import script
from tests.conftest import in_database
from tests.migration.catalog import catalog
from tests.migration.guide_database import run


async def test_six_servers_on_an_empty_database_all_succeed(empty_dsn: str) -> None:
    outcomes = await asyncio.gather(*(migrate(empty_dsn) for _ in range(6)))
    assert sorted(outcomes, key=str) == [*[(head(), head())] * 5, (None, head())]
    assert await verify(empty_dsn) == ()


async def test_a_table_in_use_makes_it_give_up_in_time_and_change_nothing(guide_dsn: str) -> None:
    schema = await catalog(guide_dsn)
    other = await asyncpg.connect(guide_dsn)
    try:
        async with other.transaction():
            await other.execute("SELECT FROM file_locks")
            with pytest.raises(RetryLater, match="schema was not changed"):
                await migrate(guide_dsn, table_lock_seconds=0.1)
    finally:
        await other.close()
    assert await catalog(guide_dsn) == schema
    assert await migrate(guide_dsn) == (None, head())


async def test_a_failing_migration_changes_nothing(guide_dsn: str) -> None:
    await run(guide_dsn, "CREATE TABLE tasks (whatever int)")
    schema = await catalog(guide_dsn)
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(guide_dsn)
    assert await catalog(guide_dsn) == schema


async def test_a_database_ahead_of_this_release_is_left_as_it_is(dsn: str) -> None:
    await run(dsn, "UPDATE coordination_schema_version SET version_num = '9999'")
    assert await migrate(dsn) == ("9999", "9999")
    with pytest.raises(InvalidInput, match="9999"):
        await migrate(dsn, "base")
    assert await current(dsn) == "9999"


async def test_an_unknown_revision_is_refused_with_the_known_ones(migrated_dsn: str) -> None:
    for to in ("9999", "", "HEAD", "-1", "0001'; DROP TABLE tasks; --"):
        with pytest.raises(InvalidInput, match=f"Known are {head()}"):
            await migrate(migrated_dsn, to)


async def test_a_database_that_cannot_hold_every_path_is_refused(server_dsn: str) -> None:
    name = "not_in_unicode"
    await run(
        server_dsn,
        f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0",
    )
    try:
        with pytest.raises(asyncpg.FeatureNotSupportedError, match="encoded in LATIN1"):
            await migrate(in_database(server_dsn, name))
    finally:
        await run(server_dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def test_an_unreachable_database_says_so() -> None:
    away = "postgresql://nobody@127.0.0.1:1/nothing"
    for call in (migrate(away), current(away), verify(away)):
        with pytest.raises(RetryLater, match="not reachable"):
            await call


async def test_a_refusal_of_the_server_is_passed_on(empty_dsn: str) -> None:
    missing = empty_dsn.replace("/empty_", "/missing_")
    for call in (migrate(missing), verify(missing)):
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await call


async def test_it_can_be_called_where_no_event_loop_runs(empty_dsn: str) -> None:
    assert await asyncio.to_thread(migrate_blocking, empty_dsn) == (None, head())


async def test_settings_of_the_database_do_not_matter(empty_dsn: str, migrated_dsn: str) -> None:
    name = urlsplit(empty_dsn).path.removeprefix("/")
    settings = {
        "default_transaction_isolation": "'serializable'",
        "default_transaction_read_only": "on",
        "lock_timeout": "'1ms'",
        "search_path": "elsewhere",
    }
    changes = [f"ALTER DATABASE {name} SET {setting} = {value};" for setting, value in settings.items()]
    await run(empty_dsn, "CREATE SCHEMA elsewhere", "".join(changes))
    first, second = await asyncio.gather(migrate(empty_dsn), migrate(empty_dsn))
    assert {first, second} == {(None, head()), (head(), head())}
    resets = [f"ALTER DATABASE {name} RESET {setting}" for setting in settings]
    await run(empty_dsn, "SET default_transaction_read_only = off", *resets)
    assert set(await catalog(empty_dsn)) == {*await catalog(migrated_dsn), "schema elsewhere"}


async def test_scripts_do_not_depend_on_settings_either(empty_dsn: str, migrated_dsn: str) -> None:
    hostile = "SET search_path = ''; SET default_transaction_isolation = 'serializable'; SET statement_timeout = '1ms';"
    await run(empty_dsn, hostile + script())
    assert await catalog(empty_dsn) == await catalog(migrated_dsn)
    assert await verify(empty_dsn) == ()
