"""A hosted service, and people on machines of their own who type `coord` to it."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from coordination.app.application import create
from coordination.cli import run
from coordination.services.core import Core
from coordination.settings import load
from tests.integration.cli.running import Answer
from tests.integration.transport.endpoint import served

BOOTSTRAP = "a bootstrap token of at least 32 characters"
TABLES = ("claude_code_sessions", "agent_tokens", "workspace_invitations", "workspace_members", "workspaces")
VARIABLES = (
    "COORDINATION_URL",
    "COORDINATION_TOKEN",
    "COORDINATION_WORKSPACE",
    "COORDINATION_CONFIG",
    "COORDINATION_DATA_DIR",
    "COORDINATION_BOOTSTRAP_TOKEN",
    "COORDINATION_INVITATION",
    "PORT",
)


@dataclass(frozen=True)
class Hosted:
    """A hosted service."""

    url: str
    core: Core

    async def empty(self) -> None:
        """Remove whatever tests left."""
        for table in TABLES:
            await self.core.database.fetch(f"DELETE FROM {table}")  # noqa: S608 - one of ours
        self.core.authentication.forget()


@contextlib.asynccontextmanager
async def hosting_on(dsn: str, folder: Path, **variables: str) -> AsyncGenerator[Hosted]:
    """Serve the application on a database, as a hosted service does, with further settings."""
    settings = load(
        {
            "COORDINATION_MODE": "hosted",
            "DATABASE_URL": dsn,
            "COORDINATION_DATA_DIR": str(folder),
            "COORDINATION_BOOTSTRAP_TOKEN": BOOTSTRAP,
            **variables,
        }
    )
    app: FastAPI = create(settings)
    # What the service logs would stand among what the commands print.
    with capture_logs():
        async with served(app) as url:
            yield Hosted(url, app.state.core)


class Person:
    """Somebody at a machine of one's own, with nothing in the environment but what is typed."""

    def __init__(
        self,
        name: str,
        home: Path,
        service: Hosted,
        capture: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.name = name
        self.home = home
        self.service = service
        self._capture = capture
        self._monkeypatch = monkeypatch

    async def __call__(self, *words: str, typed: str | TextIO = "", **variables: str) -> Answer:
        """Type a command; `typed` is what stands on standard input, which is no terminal unless it says so."""
        with self._monkeypatch.context() as here:
            for name in VARIABLES:
                here.delenv(name, raising=False)
            given = {
                "HOME": self.home,
                "XDG_CONFIG_HOME": self.home / "config",
                "XDG_DATA_HOME": self.home / "data",
                **variables,
            }
            for name, value in given.items():
                here.setenv(name, str(value))
            here.setattr("sys.stdin", io.StringIO(typed) if isinstance(typed, str) else typed)
            here.setattr("coordination.cli.place.getpass.getuser", lambda: f"{self.name}-at-home")
            self._capture.readouterr()
            exit_code = await asyncio.to_thread(run, words)
        printed = self._capture.readouterr()
        return Answer(exit_code, printed.out, printed.err)

    async def done(self, *words: str, typed: str | TextIO = "", **variables: str) -> Answer:
        """Type a command that has to succeed."""
        answer = await self(*words, typed=typed, **variables)
        assert answer.exit_code == 0, answer
        return answer

    async def bootstrap(self) -> None:
        """Become the owner of the first workspace."""
        await self.done("login", self.service.url, "--bootstrap", "--user", self.name, typed=BOOTSTRAP)
