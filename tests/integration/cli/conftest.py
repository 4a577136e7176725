"""One running service for all tests of the commands, empty at the start of each; another for those that harm it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from tests.conftest import administer, in_database
from tests.integration.cli.hosted import Hosted, Person, hosting_on
from tests.integration.cli.running import Coord, Running, running_on

SHARED = "shared_cli"
SHARED_HOSTED = "shared_cli_hosted"


@pytest.fixture(autouse=True)
def logged_in_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the hosted services of whoever runs the tests out of them."""
    for variable in ("COORDINATION_URL", "COORDINATION_TOKEN", "COORDINATION_WORKSPACE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-configuration"))


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


@pytest.fixture(scope="session")
async def shared_hosted(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Hosted]:
    """A hosted service for all tests that need one."""
    await administer(server_dsn, f"CREATE DATABASE {SHARED_HOSTED} TEMPLATE {template} STRATEGY FILE_COPY")
    async with hosting_on(in_database(server_dsn, SHARED_HOSTED), tmp_path_factory.mktemp("data")) as one:
        yield one
    await administer(server_dsn, f"DROP DATABASE {SHARED_HOSTED} WITH (FORCE)")


@pytest.fixture
async def hosted(shared_hosted: Hosted) -> Hosted:
    """The shared hosted service without any workspace or session."""
    await shared_hosted.empty()
    return shared_hosted


@pytest.fixture
def people(
    hosted: Hosted, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Person]:
    """Makes people who are logged in nowhere."""
    return lambda name: Person(name, tmp_path / name, hosted, capsys, monkeypatch)


@pytest.fixture
async def alice(people: Callable[[str], Person]) -> Person:
    """The owner of the first workspace."""
    alice = people("alice")
    await alice.bootstrap()
    return alice


@pytest.fixture
def bob(people: Callable[[str], Person]) -> Person:
    """Somebody who belongs to nothing yet."""
    return people("bob")
