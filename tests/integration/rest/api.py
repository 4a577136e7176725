"""The HTTP API as a test meets it: the routes on running services, a client, and agents that claim and report."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from coordination.domain.agent import Agent
from coordination.domain.file_lock import Claim, Granted, Operation
from coordination.domain.path import normalise_all
from coordination.domain.task import Report
from coordination.services import agent as agents
from coordination.services import file_lock, task
from coordination.services.core import Core
from coordination.transport.auth import LocalTokenGate
from coordination.transport.exchange import ExchangeMiddleware
from coordination.transport.rest.router import router


def agent(name: str, *, session: str = "demo", user: str = "alice", checkout: str = "") -> Agent:
    role = "planner" if name == "planner" else "implementer"
    return Agent("local", session, user, name, role, "claude", checkout=checkout)


@dataclass
class Api:
    """A running API."""

    core: Core
    app: ASGIApp
    client: httpx.AsyncClient

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Post to a route of the session `demo`."""
        return await self.client.post(f"/sessions/demo/{path}", json=body)

    async def acts(self, name: str, path: str, **body: Any) -> Any:
        """Act as an agent of alice in the session `demo`; what is answered must be no refusal."""
        answer = await self.post(path, {"agent": f"alice/{name}", **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        return await self.client.get(path, params=parameters)

    async def claim(
        self, who: Agent, *paths: str, operation: Operation = Operation.WRITE, reason: str | None = None
    ) -> Granted:
        """Claim paths that nobody else has."""
        wanted = Claim(normalise_all(sorted(paths)), operation, 900, reason)
        outcome = await file_lock.claim(self.core, who, wanted)
        assert isinstance(outcome, Granted)
        return outcome

    async def join(self, *names: str, session: str = "demo") -> None:
        for name in names:
            await agents.join(self.core, agent(name, session=session))

    async def texts(self, who: Agent) -> list[str]:
        """The messages that an agent reads with its next sync."""
        synced = await task.sync(self.core, who, Report())
        return [item.payload["text"] for item in synced.news.items if item.kind == "message.sent"]


def application(core: Core) -> ASGIApp:
    """The routes behind what they need."""
    app = FastAPI()
    app.include_router(router(core))
    return LocalTokenGate(ExchangeMiddleware(app), token=None)


@contextlib.asynccontextmanager
async def api_on(dsn: str) -> AsyncGenerator[Api, None]:
    """Run the services on a database, and the routes on them."""
    core = Core(dsn)
    async with core.running(), api_of(core) as one:
        yield one


@contextlib.asynccontextmanager
async def api_of(core: Core) -> AsyncGenerator[Api, None]:
    """Put the routes on services that run."""
    app = application(core)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1") as client:
        yield Api(core, app, client)
