"""Nobody but the owner reaches what the migrations made, however generous the project's default privileges are."""

from collections.abc import AsyncGenerator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from coordination.store.migration import head, migrate, verify
from tests.migration.guide_database import TABLES, fetch, guide_sql, run

GENEROUS = "\n".join(
    f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON {things} TO anon, authenticated, PUBLIC;"
    for things in ("TABLES", "SEQUENCES", "FUNCTIONS")
)
OURS = """
SELECT c.relname AS name, c.relrowsecurity AS secured,
       has_table_privilege('anon', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR has_any_column_privilege('anon', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') AS open
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""


@pytest.mark.parametrize("adopted", [False, True], ids=["empty", "guide"])
async def test_generous_default_privileges_open_nothing(
    api_roles: None, empty_dsn: str, adopted: bool
) -> None:
    await run(empty_dsn, GENEROUS)
    if adopted:
        await run(
            empty_dsn, guide_sql("create"), "GRANT SELECT (id) ON claude_code_sessions TO authenticated"
        )
        assert [row["name"] for row in await fetch(empty_dsn, OURS) if not row["open"]] == []
    await migrate(empty_dsn)
    tables = await fetch(empty_dsn, OURS)
    assert len(tables) == 16
    assert [row["name"] for row in tables if row["open"] or not row["secured"]] == []
    sequences = await fetch(
        empty_dsn,
        "SELECT relname, has_sequence_privilege('anon', oid, 'USAGE, SELECT, UPDATE') AS open FROM pg_class"
        " WHERE relkind = 'S'",
    )
    assert len(sequences) == 2
    assert [row["relname"] for row in sequences if row["open"]] == []
    functions = await fetch(
        empty_dsn,
        "SELECT proname, has_function_privilege('anon', oid, 'EXECUTE') AS open FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace",
    )
    assert len(functions) > 30
    assert [row["proname"] for row in functions if row["open"]] == []
    assert await verify(empty_dsn) == ()


async def test_the_verification_names_the_role_that_may_too_much(api_roles: None, empty_dsn: str) -> None:
    await migrate(empty_dsn)
    await run(empty_dsn, "GRANT SELECT ON file_locks TO anon; GRANT INSERT (id) ON tasks TO authenticated")
    assert await verify(empty_dsn) == (
        "open: anon may select on file_locks",
        "open: authenticated may insert on tasks.id",
    )


async def test_functions_run_as_their_caller_with_a_fixed_search_path(migrated_dsn: str) -> None:
    functions = await fetch(
        migrated_dsn,
        "SELECT proname, prosecdef, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    )
    assert functions != []
    assert [row["proname"] for row in functions if row["prosecdef"]] == []
    assert [
        row["proname"] for row in functions if "search_path=pg_catalog, public" not in row["proconfig"]
    ] == []


async def test_no_extension_is_made_and_nothing_outside_public(migrated_dsn: str) -> None:
    assert [row["extname"] for row in await fetch(migrated_dsn, "SELECT extname FROM pg_extension")] == [
        "plpgsql"
    ]
    outside = await fetch(
        migrated_dsn,
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid >= 16384 AND n.nspname NOT IN ('public', 'pg_toast')",
    )
    assert outside == []


@pytest.fixture
async def plain_dsn(server_dsn: str, empty_dsn: str) -> AsyncGenerator[str]:
    """The URL of an empty database for a role that is no superuser and owns nothing there."""
    await run(server_dsn, "CREATE ROLE plain LOGIN")
    yield urlunsplit(urlsplit(empty_dsn)._replace(netloc="plain@"))
    await run(empty_dsn, "DROP OWNED BY plain", "DROP ROLE plain")


async def test_an_ordinary_role_may_migrate_where_it_may_create(empty_dsn: str, plain_dsn: str) -> None:
    await run(empty_dsn, "GRANT CREATE ON SCHEMA public TO plain")
    assert await migrate(plain_dsn) == (None, head())
    assert await verify(plain_dsn) == ()
    await run(plain_dsn, guide_sql("insert"))
    owners = await fetch(plain_dsn, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert [row["tableowner"] for row in owners] == ["plain"]
    assert await migrate(plain_dsn, "base") == (head(), None)


@pytest.mark.parametrize(
    "grant", ["SELECT", "GRANT CREATE ON SCHEMA public TO plain"], ids=["no create", "no owner"]
)
async def test_a_role_that_may_not_is_refused_and_nothing_is_left(
    empty_dsn: str, plain_dsn: str, grant: str
) -> None:
    await run(empty_dsn, guide_sql("create"), grant)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await migrate(plain_dsn)
    tables = await fetch(empty_dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {row["tablename"] for row in tables} == set(TABLES)
