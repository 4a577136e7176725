"""One running service for all tests of the commands, empty at the start of each; another for those that harm it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.conftest import administer, in_database
from tests.integration.cli.running import Coord, Running, running_on

SHARED = "shared_cli"


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
async def service(shared_service: Running) -> Running:
    """The shared service without any session."""
    await shared_service.core.database.fetch("DELETE FROM claude_code_sessions")
    return shared_service


@pytest.fixture
async def own_service(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Running]:
    """A service for this test alone."""
    async with running_on(dsn, tmp_path_factory.mktemp("data")) as one:
        yield one


@pytest.fixture
def coord(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Coord:
    """`coord` in the environment of the test's service."""
    name = "own_service" if "own_service" in request.fixturenames else "service"
    one: Running = request.getfixturevalue(name)
    for variable, value in one.environment.items():
        monkeypatch.setenv(variable, value)
    return Coord(capsys)
