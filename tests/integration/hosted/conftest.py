"""One hosted service for all tests that leave it usable; they keep apart by the names of members and sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.conftest import administer, in_database
from tests.integration.hosted.team import Hosted, hosted


@pytest.fixture(scope="session")
async def team(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Hosted]:
    """A hosted service whose first workspace alice owns."""
    await administer(server_dsn, f"CREATE DATABASE hosted TEMPLATE {template} STRATEGY FILE_COPY")
    async with hosted(in_database(server_dsn, "hosted"), tmp_path_factory.mktemp("hosted")) as one:
        yield one
