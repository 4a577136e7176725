"""A hosted service as teams meet it: the whole application, bootstrapped, and what its owner can have made in it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI

from coordination.app.application import create
from coordination.services.core import Core
from coordination.settings import load
from coordination.transport.bounds import BoundedProtocol
from coordination.transport.web_socket_protocol import OPTIONS
from tests.integration.transport.endpoint import served
from tests.loose import LOOSE

BOOTSTRAP: Final = "b" * 43
CLAUDE_CODE: Final = {"x-client-name": "claude code"}
API: Final = "/api/v1"


@dataclass
class Hosted:
    """A running hosted service.

    Attributes:
        client: sends no credential by itself.
        owner: the secret of the owner's token; alice owns the workspace.
    """

    app: FastAPI
    url: str
    client: httpx.AsyncClient
    owner: str

    @property
    def core(self) -> Core:
        return self.app.state.core

    async def ask(
        self, secret: str | None, method: str, path: str, body: object = None, **headers: str
    ) -> httpx.Response:
        """Ask the API with a token as bearer, or with none."""
        bearer = {} if secret is None else {"authorization": f"Bearer {secret}"}
        return await self.client.request(method, f"{API}{path}", json=body, headers={**bearer, **headers})

    async def got(self, secret: str, method: str, path: str, body: object = None) -> Any:
        """Ask, and take the answer, which must be no refusal."""
        answer = await self.ask(secret, method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def token(self, **wanted: object) -> str:
        """Have the owner make a token; returns its secret."""
        return (await self.new_token(**wanted))["secret"]

    async def new_token(self, **wanted: object) -> dict[str, Any]:
        """Have the owner make a token; returns all that the owner was shown."""
        return await self.got(self.owner, "POST", "/tokens", wanted)

    async def member(self, user: str, role: str = "member") -> str:
        """Have the owner invite somebody who has no account; returns the member's own token."""
        code = (await self.got(self.owner, "POST", "/invitations", {"user": user, "role": role}))["code"]
        accepted = await self.ask(None, "POST", "/memberships", {"code": code})
        assert accepted.status_code == 200, accepted.text
        return accepted.json()["secret"]

    async def mcp(
        self, secret: str | None, who: str, method: str, params: object = None, **headers: str
    ) -> httpx.Response:
        """Send one request of the older era to the MCP endpoint, as Claude Code does."""
        bearer = {} if secret is None else {"authorization": f"Bearer {secret}"}
        body: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        return await self.client.post(
            f"/mcp/v2/claude/{who}", json=body, headers={**CLAUDE_CODE, **bearer, **headers}
        )

    async def tools(self, secret: str | None, who: str, **headers: str) -> list[str]:
        """List the tools."""
        answer = await self.mcp(secret, who, "tools/list", **headers)
        assert answer.status_code == 200, answer.text
        return [tool["name"] for tool in answer.json()["result"]["tools"]]

    async def call(self, secret: str, who: str, tool: str, **arguments: object) -> Any:
        """Call a tool; returns its result."""
        answer = await self.mcp(secret, who, "tools/call", {"name": tool, "arguments": arguments})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]


@contextlib.asynccontextmanager
async def hosted(dsn: str, data_dir: Path, **variables: str) -> AsyncGenerator[Hosted]:
    """Run a hosted service on a migrated database without workspaces, and let alice own the first one."""
    settings = load(
        {
            **LOOSE,
            "DATABASE_URL": dsn,
            "COORDINATION_MODE": "hosted",
            "COORDINATION_DATA_DIR": str(data_dir),
            "COORDINATION_BOOTSTRAP_TOKEN": BOOTSTRAP,
            **variables,
        }
    )
    app = create(settings)
    async with (
        served(app, http=BoundedProtocol, **OPTIONS) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        team = Hosted(app, url, client, "")
        team.owner = (await team.got(BOOTSTRAP, "POST", "/bootstrap", {"user": "alice"}))["secret"]
        yield team
