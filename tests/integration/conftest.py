"""One database for all tests that only need it empty: emptying costs a hundredth of cloning the template."""

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from coordination.services.core import Core
from coordination.store.database import Database
from coordination.transport.buckets import Buckets
from tests.conftest import administer, in_database

_SHARED = "shared_database"
EMPTY = """
    DELETE FROM file_lock_waiters; DELETE FROM file_locks; DELETE FROM task_progress; DELETE FROM tasks;
    DELETE FROM plans; DELETE FROM plan_analyses; DELETE FROM indexed_files; DELETE FROM file_indexes;
    DELETE FROM claude_code_agents; DELETE FROM coordination_events; DELETE FROM claude_code_sessions;
"""


@pytest.fixture(scope="session")
async def shared_database(server_dsn: str, template: str) -> AsyncGenerator[Database]:
    """A migrated database that tests share one after the other; nobody may change its functions."""
    await administer(server_dsn, f"CREATE DATABASE {_SHARED} TEMPLATE {template} STRATEGY FILE_COPY")
    pool = Database(in_database(server_dsn, _SHARED))
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
async def emptying(shared_database: Database) -> AsyncGenerator[asyncpg.Connection]:
    """A connection that waits for what a test before left behind, as one of the pool would not."""
    connection = await asyncpg.connect(shared_database.dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def clean_database(shared_database: Database, emptying: asyncpg.Connection) -> Database:
    """The shared database, emptied."""
    await emptying.execute(EMPTY)
    return shared_database


@pytest.fixture
def clean_dsn(clean_database: Database) -> str:
    """The URL of the shared database, emptied."""
    return clean_database.dsn


@pytest.fixture
async def clean_core(clean_dsn: str) -> AsyncGenerator[Core]:
    """The use cases' shared parts on the shared database, emptied, with their background work running."""
    core = Core(clean_dsn)
    async with core.running():
        yield core


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time go by for rate limits, so that what was exhausted stays so however slow the machine is."""
    defaults = Buckets.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "clock", lambda: 0.0)
