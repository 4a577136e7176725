"""Resources read over MCP, in the way of either era, as a Claude Code terminal or as somebody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from tests.integration.tools.endpoint import Endpoint

Era = Literal["legacy", "modern"]

MODERN = "2026-07-28"
META = "io.modelcontextprotocol"
CLAUDE_CODE = (("x-client-name", "claude code"),)
UNKNOWN = "coordination://nothing"


@dataclass(frozen=True)
class Client:
    """One client: how it names itself, as whom it connects, and which era it speaks."""

    mcp: Endpoint
    era: Era = "legacy"
    path: str = "/mcp/v2/claude/alice__session__demo__impl_a"
    headers: tuple[tuple[str, str], ...] = CLAUDE_CODE

    async def post(self, method: str, params: Mapping[str, Any]) -> httpx.Response:
        """Post one request."""
        sent, headers = dict(params), {"content-type": "application/json", **dict(self.headers)}
        if self.era == "modern":
            sent["_meta"] = {f"{META}/protocolVersion": MODERN, f"{META}/clientCapabilities": {}}
            headers |= {"mcp-protocol-version": MODERN, "mcp-method": method}
            named = sent.get("uri", sent.get("name"))
            headers |= {} if named is None else {"mcp-name": named}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": sent}
        return await self.mcp.client.post(self.path, content=json.dumps(message), headers=headers)

    async def listed(self, method: str, key: str) -> list[dict[str, Any]]:
        """List what the client sees."""
        answer = await self.post(method, {})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"][key]

    async def read(self, uri: str) -> dict[str, Any]:
        """Read what must be there: its one content."""
        answer = await self.post("resources/read", {"uri": uri})
        assert answer.status_code == 200, answer.text
        assert "result" in answer.json(), answer.text
        (content,) = answer.json()["result"]["contents"]
        assert content["uri"] == uri
        return content

    async def content(self, uri: str) -> dict[str, Any]:
        """Read JSON."""
        content = await self.read(uri)
        assert content["mimeType"] == "application/json"
        return json.loads(content["text"])

    async def pages(self, uri: str) -> AsyncIterator[dict[str, Any]]:
        """Read a resource, and what follows as long as it says so."""
        following: str | None = uri
        while following is not None:
            page = await self.content(following)
            yield page
            following = page.get("next")

    async def refused(self, uri: str) -> dict[str, Any]:
        """Try to read what cannot be read: the error."""
        answer = await self.post("resources/read", {"uri": uri})
        assert answer.status_code < 500, answer.text
        return answer.json()["error"]

    async def probe(self, uri: str) -> tuple[int, bytes]:
        """Read whatever comes: the status and the body, with the address as that of nothing."""
        answer = await self.post("resources/read", {"uri": uri})
        return answer.status_code, answer.content.replace(uri.encode(), UNKNOWN.encode())
