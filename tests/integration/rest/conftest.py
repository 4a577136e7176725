"""The HTTP API on a real Postgres, with nothing around it but what reads the body."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from coordination.services.core import Core
from tests.conftest import administer, in_database
from tests.integration.rest.api import Api, api_of, api_on

SHARED = "shared_rest"


@pytest.fixture
async def api(dsn: str) -> AsyncGenerator[Api]:
    """The API of a fresh database."""
    async with api_on(dsn) as one:
        yield one


@pytest.fixture
async def acting(clean_core: Core) -> AsyncGenerator[Api]:
    """The API of a database that one test after the other has, emptied."""
    async with api_of(clean_core) as one:
        yield one


@pytest.fixture(scope="session")
async def shared_api(server_dsn: str, template: str) -> AsyncGenerator[Api]:
    """One API for the many tests that only look at how it refuses; its session `demo` has a planner."""
    await administer(server_dsn, f"CREATE DATABASE {SHARED} TEMPLATE {template} STRATEGY FILE_COPY")
    async with api_on(in_database(server_dsn, SHARED)) as one:
        await one.join("planner")
        yield one
    await administer(server_dsn, f"DROP DATABASE {SHARED} WITH (FORCE)")
