"""Real services for the tests of the daemon; a short folder; an installed hook."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from coordination.app.application import create
from coordination.daemon import edit_gate, terminals
from coordination.services import agent as agents
from coordination.settings import load
from coordination.transport.rest import event_stream
from tests.conftest import administer, in_database
from tests.integration.app.conftest import Client, serving
from tests.integration.cli.running import Running, running_on
from tests.integration.conftest import EMPTY
from tests.integration.daemon.desk import Desk, desk
from tests.integration.daemon.developer import Developer, developer
from tests.integration.daemon.hook import Hook
from tests.integration.daemon.interface import Interface, interface
from tests.integration.daemon.machine import Machine, beside
from tests.integration.repository.tree import Tree, make_tree
from tests.integration.store.steps import agent
from tests.unit.client.conftest import server

__all__ = ["server"]

SHARED = "shared_daemon"


@pytest.fixture(scope="session")
async def behind(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Client]:
    """A service for all tests of the relay; they keep apart by the names of their sessions."""
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
async def daemon(behind: Client, session: str) -> AsyncGenerator[Interface]:
    """A daemon that has one terminal, which is impl_a of the session."""
    async with interface() as found:
        found.lead(str(behind.base_url).rstrip("/"), session)
        yield found


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of ours whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="hook-") as name:
        yield Path(name)


@pytest.fixture
def hook(folder: Path) -> Hook:
    """A hook that looks for its daemon and its policy in the folder."""
    pinned = {
        "socket": str(folder / "daemon" / "socket"),
        "policy": str(folder / "policy"),
        "coord": str(folder / "coord"),
    }
    return Hook(folder / "hooks", pinned)


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
    # Whoever was heard of and is not written yet would join again, in the midst of this test.
    await shared_service.core.presence.flush()
    for statement in EMPTY.split(";")[:-1]:
        await shared_service.core.database.fetch(statement)
    return shared_service


@pytest.fixture
async def one(service: Running) -> AsyncGenerator[Machine]:
    """A machine that has reached the service, in which the session is: whoever holds anything there has joined it."""
    await agents.join(service.core, agent("bystander"))
    async with beside(service) as found:
        yield found


@pytest.fixture
async def here(service: Running, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Desk]:
    """A desk beside the service, whose decisions are late only in tests of just that."""
    monkeypatch.setattr(edit_gate, "DECIDE_SECONDS", 10)
    monkeypatch.setattr(terminals, "JOIN_SECONDS", 9)
    async with desk(service, folder) as found:
        yield found


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A repository with two files, in which logs are ignored."""
    made = make_tree(tmp_path)
    made.commit({"a.py": "1", "src/b.py": "1", ".gitignore": "*.log\n"})
    return made


@pytest.fixture
async def alice(service: Running, folder: Path, hook: Hook, tmp_path: Path) -> AsyncGenerator[Developer]:
    """A developer whose daemon runs and has reached the service."""
    async with developer(service, folder, tmp_path, hook) as found:
        await found.begin()
        yield found
