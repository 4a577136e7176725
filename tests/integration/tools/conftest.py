"""The tools' tests share a database, one after the other."""

from collections.abc import AsyncGenerator

import pytest

from coordination.services.core import Core
from coordination.store.database import Database
from tests.integration.tools.endpoint import Endpoint, endpoint


@pytest.fixture
def database(clean_database: Database) -> Database:
    """A pool on the database that the tools use, to look at it and to change it behind their back."""
    return clean_database


@pytest.fixture
def core(clean_core: Core) -> Core:
    """The use cases' shared parts, with their background work running."""
    return clean_core


@pytest.fixture
async def mcp(core: Core) -> AsyncGenerator[Endpoint]:
    """The tools as the service serves them."""
    async with endpoint(core, presence=True) as served:
        yield served


@pytest.fixture
async def quiet(core: Core) -> AsyncGenerator[Endpoint]:
    """The tools without presence, so that what a call writes is the call's own."""
    async with endpoint(core, presence=False) as served:
        yield served
