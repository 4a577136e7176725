"""One database for all tests that only need it empty: emptying costs a hundredth of cloning the template."""

from collections.abc import AsyncGenerator

import pytest

from coordination.store.database import Database
from tests.conftest import administer, in_database

_SHARED = "shared_database"
_EMPTY = """
    DELETE FROM file_lock_waiters; DELETE FROM file_locks; DELETE FROM task_progress; DELETE FROM tasks;
    DELETE FROM claude_code_agents; DELETE FROM coordination_events; DELETE FROM claude_code_sessions;
"""


@pytest.fixture(scope="session")
async def shared_dsn(server_dsn: str, template: str) -> str:
    """The URL of a migrated database that tests share one after the other; nobody may change its functions."""
    await administer(server_dsn, f"CREATE DATABASE {_SHARED} TEMPLATE {template} STRATEGY FILE_COPY")
    return in_database(server_dsn, _SHARED)


@pytest.fixture
async def clean_dsn(shared_dsn: str) -> str:
    """The shared database, emptied."""
    await administer(shared_dsn, _EMPTY)
    return shared_dsn


@pytest.fixture
async def clean_database(clean_dsn: str) -> AsyncGenerator[Database]:
    """A pool on the shared database, emptied."""
    pool = Database(clean_dsn)
    yield pool
    await pool.close()
