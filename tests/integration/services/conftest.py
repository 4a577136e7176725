"""The services' tests share a database, one after the other."""

from collections.abc import AsyncGenerator

import pytest

from coordination.services.core import Core
from coordination.store.database import Database


@pytest.fixture
def database(clean_database: Database) -> Database:
    """A pool on the database that `core` uses, to look at it and to change it behind its back."""
    return clean_database


@pytest.fixture
def core(clean_core: Core) -> Core:
    """The use cases' shared parts on an empty database, with their background work running."""
    return clean_core


@pytest.fixture
async def other_core(clean_dsn: str) -> AsyncGenerator[Core]:
    """A second server on the same database."""
    running = Core(clean_dsn)
    async with running.running():
        yield running
