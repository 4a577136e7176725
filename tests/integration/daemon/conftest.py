"""One real service for all tests of the daemon, which keep apart by their sessions; a short folder; an installed hook."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from coordination.app.application import create
from coordination.settings import load
from tests.conftest import administer, in_database
from tests.integration.app.conftest import Client, serving
from tests.integration.daemon.hook import Hook
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
