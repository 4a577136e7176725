"""The store's tests share a database, one after the other; those that break its functions take one of their own."""

from collections.abc import AsyncGenerator

import pytest

from coordination.store.database import Database


@pytest.fixture
def database(clean_database: Database) -> Database:
    """A pool on an empty database."""
    return clean_database


@pytest.fixture
async def own_database(dsn: str) -> AsyncGenerator[Database]:
    """A pool on a database whose functions this test may change."""
    pool = Database(dsn)
    yield pool
    await pool.close()
