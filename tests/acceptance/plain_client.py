"""A client that is not Claude Code: raw MCP over HTTP, in both eras, under any client name.

It asks for the lists and calls a tool, and returns what came back, unjudged. It is no MCP client for anything
else: it keeps to what a test of visibility needs.
"""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import httpx

from tests.acceptance.script import Json

MODERN, LEGACY = "2026-07-28", "2025-11-25"
"""The two eras: every request for itself, and `initialize` first."""

_META = "io.modelcontextprotocol/"


class PlainClient:
    """One connection of a client that calls itself `name`; use it as a context manager."""

    def __init__(self, url: str, name: str, era: str) -> None:
        """Prepare for `url`, an MCP endpoint, in `era`; nothing is sent before the context is entered."""
        self._http = httpx.Client(timeout=10, headers={"user-agent": f"{name}/1.0"}, trust_env=False)
        self._url = url
        self._era = era
        self._client = {"name": name, "version": "1.0"}
        self._session: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Make the connection, in the older era by `initialize`."""
        if self._era == LEGACY:
            params = {"protocolVersion": self._era, "capabilities": {}, "clientInfo": self._client}
            response = self._post("initialize", params)
            self._session = {"mcp-protocol-version": self._era}
            if "mcp-session-id" in response.headers:
                self._session["mcp-session-id"] = response.headers["mcp-session-id"]
            self._post("notifications/initialized", {}, notification=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._http.close()

    def list(self, what: str) -> list[Json]:
        """Return the `tools`, `prompts`, `resources` or other things that this client is shown."""
        found: list[Json] = self.ask(f"{what}/list", {})["result"][what]
        return found

    def call(self, tool: str, arguments: Json) -> Json:
        """Call a tool and return the whole answer, `result` or `error`, without its id."""
        answer = self.ask("tools/call", {"name": tool, "arguments": arguments})
        return {key: value for key, value in answer.items() if key != "id"}

    def ask(self, method: str, params: Json) -> Json:
        """Send one request and return the JSON-RPC answer."""
        response = self._post(method, params)
        text = response.text
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            text = next(line[5:] for line in text.splitlines() if line.startswith("data:"))
        answer: Json = json.loads(text)
        return answer

    def _post(self, method: str, params: Json, *, notification: bool = False) -> httpx.Response:
        headers = {"accept": "application/json, text/event-stream"} | self._session
        if self._era == MODERN:
            headers |= {"mcp-protocol-version": self._era, "mcp-method": method}
            headers |= {"mcp-name": params["name"]} if "name" in params else {}
            meta: dict[str, Any] = {
                f"{_META}protocolVersion": self._era,
                f"{_META}clientInfo": self._client,
                f"{_META}clientCapabilities": {},
            }
            params = params | {"_meta": meta}
        body: Json = {"jsonrpc": "2.0", "method": method, "params": params}
        response = self._http.post(
            self._url, json=body if notification else body | {"id": 1}, headers=headers
        )
        return response
