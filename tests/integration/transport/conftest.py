"""One endpoint for all tests of this folder that do not need one of their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.integration.transport.endpoint import Endpoint, endpoint


@pytest.fixture(scope="session")
async def shared_endpoint() -> AsyncGenerator[Endpoint, None]:
    async with endpoint() as one:
        yield one


@pytest.fixture
async def mcp(shared_endpoint: Endpoint) -> Endpoint:
    """The shared endpoint with its reports emptied."""
    shared_endpoint.refusals.refused_calls = 0
    shared_endpoint.listed.clear()
    shared_endpoint.called.clear()
    return shared_endpoint
