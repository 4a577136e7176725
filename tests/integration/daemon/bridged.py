"""An MCP client over standard input and output, with a bridge at its other end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from coordination.cli import mcp_bridge
from coordination.cli.mcp_bridge import Bridge, There
from tests.integration.daemon.interface import META, MODERN, TERMINAL, TOKEN

INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "claude-code", "version": "2.1.197"},
}


class Client:
    """An MCP client over standard input and output, with a bridge at the other end."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.said: list[str] = []

    async def input(self) -> AsyncGenerator[bytes]:
        while (line := await self.lines.get()) is not None:
            yield line

    async def write(self, message: bytes) -> None:
        assert b"\n" not in message
        await self.messages.put(json.loads(message))

    def send(self, method: str, params: Mapping[str, Any] | None = None, number: Any = None) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        if number is not None:
            message["id"] = number
        self.lines.put_nowait(json.dumps(message).encode())

    async def get(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            return await self.messages.get()

    async def ask(self, method: str, params: Mapping[str, Any], number: Any = 1) -> dict[str, Any]:
        self.send(method, params, number)
        answer = await self.get()
        assert answer["id"] == number, answer
        return answer

    async def call(self, tool: str, number: Any = 1, **arguments: Any) -> dict[str, Any]:
        answer = await self.ask("tools/call", {"name": tool, "arguments": arguments}, number)
        result: dict[str, Any] = answer["result"]
        return result


def modern(params: Mapping[str, Any]) -> dict[str, Any]:
    meta = {
        f"{META}protocolVersion": MODERN,
        f"{META}clientCapabilities": {},
        f"{META}clientInfo": {"name": "claude-code", "version": "2.1.330"},
    }
    return {**params, "_meta": meta}


def daemon_headers() -> dict[str, str]:
    return {"authorization": f"Bearer {TOKEN}", "x-coordination-terminal": TERMINAL}


@contextlib.asynccontextmanager
async def bridged(
    url: str, headers: Any = daemon_headers, **more: Any
) -> AsyncGenerator[tuple[Client, asyncio.Task[None]]]:
    """A client with a bridge to an endpoint; at the end its input ends."""
    client = Client()
    there = There(url, "The daemon of this machine", "Start it: coord daemon start", headers)
    async with mcp_bridge.connections(is_loopback=True) as connections:
        bridge = Bridge(there, client.write, client.said.append, connections)
        running = asyncio.create_task(bridge.run(client.input()))
        try:
            yield client, running
        finally:
            client.lines.put_nowait(None)
            await running
