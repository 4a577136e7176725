"""One real service for all tests of the daemon; they keep apart by the names of their sessions."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator

import pytest

from coordination.app.application import create
from coordination.settings import load
from tests.conftest import administer, in_database
from tests.integration.app.conftest import Client, serving
from tests.integration.daemon.interface import Interface, interface


@pytest.fixture(scope="session")
async def service(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Client]:
    await administer(server_dsn, f"CREATE DATABASE behind_daemon TEMPLATE {template} STRATEGY FILE_COPY")
    data_dir = str(tmp_path_factory.mktemp("service"))
    settings = load(
        {"DATABASE_URL": in_database(server_dsn, "behind_daemon"), "COORDINATION_DATA_DIR": data_dir}
    )
    async with serving(create(settings), settings) as client:
        yield client


@pytest.fixture
def session() -> str:
    """The name of a session of this test's own."""
    return f"s-{uuid.uuid4().hex}"


@pytest.fixture
async def daemon(service: Client, session: str) -> AsyncGenerator[Interface]:
    """A daemon that has one terminal, which is impl_a of the session."""
    async with interface() as found:
        found.lead(str(service.base_url).rstrip("/"), session)
        yield found
