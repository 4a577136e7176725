"""Databases in which the deployment guide's SQL ran, and the roles of a hosted Postgres."""

from collections.abc import AsyncGenerator

import pytest

from coordination.store.migration import migrate
from migrations import freeze
from tests.conftest import in_database
from tests.migration.guide_database import guide_sql, run
from tests.migration.tenants import fill


@pytest.fixture
def migrated_dsn(server_dsn: str, template: str) -> str:
    """The URL of a migrated database that all tests share: for those that change nothing."""
    return in_database(server_dsn, template)


@pytest.fixture
async def guide_dsn(empty_dsn: str) -> str:
    """The URL of a database that the guide's own CREATE statements made, with rows in all four tables."""
    await run(empty_dsn, guide_sql("create"), guide_sql("adopted_rows"))
    return empty_dsn


@pytest.fixture
async def api_roles(server_dsn: str) -> AsyncGenerator[None]:
    """The roles by which Supabase serves the schema `public`; ask for it before any database."""
    await run(server_dsn, "CREATE ROLE anon NOLOGIN; CREATE ROLE authenticated NOLOGIN;")
    yield
    await run(server_dsn, "DROP ROLE anon; DROP ROLE authenticated;")


@pytest.fixture
async def supabase_dsn(api_roles: None, empty_dsn: str) -> str:
    """The URL of a database with what Supabase has and nothing of ours: the roles, and who is logged in."""
    await run(empty_dsn, (freeze.HERE / "checks" / "supabase.sql").read_text(encoding="utf-8"))
    return empty_dsn


@pytest.fixture
async def tenants_dsn(supabase_dsn: str) -> str:
    """The URL of the same, migrated, with two workspaces in it."""
    await migrate(supabase_dsn)
    await fill(supabase_dsn)
    return supabase_dsn
