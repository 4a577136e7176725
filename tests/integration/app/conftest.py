"""The composed application behind a real server in this process, on a database of one's own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from coordination.app.application import create
from coordination.services.core import Core
from coordination.settings import Settings, load
from coordination.transport.bounds import BoundedProtocol
from coordination.transport.web_socket_protocol import OPTIONS
from tests.conftest import administer, in_database
from tests.integration.transport.endpoint import served
from tests.loose import LOOSE


class Client(httpx.AsyncClient):
    """A client of one running application, which it knows."""

    def __init__(self, url: str, settings: Settings, core: Core) -> None:
        super().__init__(base_url=url, timeout=30)
        self.settings = settings
        self.core = core


Serve = Callable[..., AbstractAsyncContextManager[Client]]


@contextlib.asynccontextmanager
async def serving(app: FastAPI, settings: Settings) -> AsyncGenerator[Client]:
    """Serve an application and lend a client of it."""
    async with (
        served(app, http=BoundedProtocol, **OPTIONS) as url,
        Client(url, settings, app.state.core) as client,
    ):
        yield client


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Compose and serve an application on a DSN, with more settings by the names of their variables."""

    def compose(dsn: str, **variables: str) -> AbstractAsyncContextManager[Client]:
        folder = str(tmp_path / "data")
        environment = {"DATABASE_URL": dsn, "COORDINATION_DATA_DIR": folder, **LOOSE, **variables}
        settings = load(environment)
        return serving(create(settings), settings)

    return compose


@pytest.fixture(scope="session")
async def client(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Client]:
    """One application for all tests that leave it as it was; they keep apart by the names of their sessions."""
    await administer(server_dsn, f"CREATE DATABASE application TEMPLATE {template} STRATEGY FILE_COPY")
    data_dir = str(tmp_path_factory.mktemp("application"))
    settings = load(
        {"DATABASE_URL": in_database(server_dsn, "application"), "COORDINATION_DATA_DIR": data_dir}
    )
    async with serving(create(settings), settings) as client:
        yield client
