"""The whole application on a test's database, agents in it, and `coord` as a person types it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from coordination.app.application import create
from coordination.cli import run
from coordination.domain.agent import Agent
from coordination.domain.file_lock import Claim, Granted, Operation
from coordination.domain.path import normalise_all
from coordination.domain.task import Report, TaskStatus
from coordination.services import file_lock, task
from coordination.services.core import Core
from coordination.settings import load
from tests.integration.transport.endpoint import served


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Running:
    """A running service, and the environment in which `coord` finds it."""

    url: str
    core: Core
    environment: dict[str, str]

    def through(self, port: int) -> Running:
        """The same service as it is found through another port."""
        return replace(self, environment={**self.environment, "PORT": str(port)})

    def move_database(self, dsn: str) -> None:
        """Let the service look for its database elsewhere, with none of its connections left."""
        database = self.core.database
        pool, database._pool, database._dsn = database._pool, None, dsn
        if pool is not None:
            pool.terminate()

    def agent(self, name: str, session: str = "demo") -> Agent:
        role = "planner" if name == "planner" else "implementer"
        return Agent("local", session, "alice", name, role, "claude")

    async def claim(
        self, who: Agent, *paths: str, reason: str | None = None, operation: Operation = Operation.WRITE
    ) -> None:
        wanted = Claim(normalise_all(sorted(paths)), operation, 900, reason)
        assert isinstance(await file_lock.claim(self.core, who, wanted), Granted)

    async def report(self, who: Agent, task_id: str, percentage: int, message: str) -> None:
        await task.sync(self.core, who, Report(task_id, TaskStatus.STARTED, percentage, message))

    async def read(self, who: Agent) -> list[str]:
        """The messages that an agent reads with its next sync."""
        news = (await task.sync(self.core, who, Report())).news
        return [item.payload["text"] for item in news.items if item.kind == "message.sent"]


@dataclass
class Coord:
    """`coord`, typed in the environment of a service; it runs beside the test's event loop."""

    capture: pytest.CaptureFixture[str]

    async def __call__(self, *words: str) -> Answer:
        self.capture.readouterr()
        exit_code = await asyncio.to_thread(run, words)
        printed = self.capture.readouterr()
        return Answer(exit_code, printed.out, printed.err)


def program() -> list[str]:
    """`coord` as a program of its own."""
    return [sys.executable, "-m", "coordination"]


@contextlib.asynccontextmanager
async def running_on(dsn: str, folder: Path) -> AsyncGenerator[Running]:
    """Serve the application on a database."""
    settings = load({"DATABASE_URL": dsn, "COORDINATION_DATA_DIR": str(folder)})
    app: FastAPI = create(settings)
    # What the service logs would stand among what the commands print.
    with capture_logs():
        async with served(app) as url:
            port = url.rpartition(":")[2]
            environment = {"PORT": port, "COORDINATION_DATA_DIR": str(folder)}
            yield Running(url, app.state.core, environment)
