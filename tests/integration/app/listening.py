"""Listeners over MCP (`subscriptions/listen`) as tests have them, and the resources of which they are told."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from coordination.transport.mcp import subscriptions
from tests.integration.app.conftest import Client

MODERN = "2026-07-28"
META = "io.modelcontextprotocol"
LISTS = ("toolsListChanged", "promptsListChanged")
CLAUDE_CODE = {"x-client-name": "claude code"}


def request(
    params: dict[str, Any], version: str = MODERN, method: str = "subscriptions/listen"
) -> dict[str, Any]:
    """A request of an era: its body and its headers."""
    meta: dict[str, Any] = {f"{META}/protocolVersion": version, f"{META}/clientCapabilities": {}}
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {**params, "_meta": meta}}
    headers = {
        "mcp-protocol-version": version,
        "mcp-method": method,
        "accept": "application/json, text/event-stream",
    }
    return {"json": body, "headers": {**headers, **CLAUDE_CODE}}


def path(session: str, agent: str = "impl_a") -> str:
    return f"/mcp/v2/claude/alice__session__{session}__{agent}"


class Told:
    """Reads the messages of a stream."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines

    async def message(self) -> dict[str, Any]:
        while not (line := await anext(self._lines)).startswith("data:"):
            pass
        found: dict[str, Any] = json.loads(line.removeprefix("data:"))
        return found

    async def update(self) -> str:
        found = await self.message()
        assert found["method"] == "notifications/resources/updated"
        assert found["params"]["_meta"][f"{META}/subscriptionId"] == 7
        uri: str = found["params"]["uri"]
        return uri


@contextlib.asynccontextmanager
async def listening(
    client: Client, session: str, uris: Sequence[str], agent: str = "impl_a", **more: Any
) -> AsyncGenerator[Told]:
    """Open a stream and read its acknowledgement."""
    wanted = request({"notifications": {"resourceSubscriptions": list(uris), **more}})
    async with client.stream("POST", path(session, agent), **wanted) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        told = Told(response.aiter_lines())
        first = await told.message()
        assert first["method"] == "notifications/subscriptions/acknowledged"
        known = [uri for uri in subscriptions.RESOURCES if uri in uris]
        promised: dict[str, Any] = {name: True for name in LISTS if more.get(name)}
        assert first["params"]["notifications"] == promised | (
            {"resourceSubscriptions": known} if known else {}
        )
        assert first["params"]["_meta"] == {f"{META}/subscriptionId": 7}
        yield told


async def resource(client: Client, session: str, uri: str) -> str:
    """Read a resource."""
    wanted = request({"uri": uri}, method="resources/read")
    wanted["headers"]["mcp-name"] = uri
    (content,) = (await client.post(path(session), **wanted)).json()["result"]["contents"]
    text: str = content["text"]
    return text
