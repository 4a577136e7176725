"""One running service for all tests of the daemon, empty at the start of each."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from coordination.transport.rest import event_stream
from tests.conftest import administer, in_database
from tests.integration.cli.running import Running, running_on
from tests.integration.conftest import EMPTY
from tests.integration.daemon.machine import Machine, beside
from tests.unit.client.conftest import server

__all__ = ["server"]

SHARED = "shared_daemon"


@pytest.fixture(scope="session")
async def shared_service(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Running]:
    """A service for all tests that leave it in good order."""
    await administer(server_dsn, f"CREATE DATABASE {SHARED} TEMPLATE {template} STRATEGY FILE_COPY")
    async with running_on(in_database(server_dsn, SHARED), tmp_path_factory.mktemp("data")) as one:
        yield one
    await administer(server_dsn, f"DROP DATABASE {SHARED} WITH (FORCE)")


@pytest.fixture
async def service(shared_service: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    """The shared service without any session; its streams give a sign of life soon."""
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.05)
    for statement in EMPTY.split(";")[:-1]:
        await shared_service.core.database.fetch(statement)
    return shared_service


@pytest.fixture
async def one(service: Running) -> AsyncGenerator[Machine]:
    """A machine that has reached the service."""
    async with beside(service) as found:
        yield found
