"""In both eras a tool sees its client go away, and learns whether its answer was delivered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import structlog

from coordination.domain.identity import Identity
from coordination.transport.exchange import Exchange
from tests.integration.transport.endpoint import META, MODERN, PLANNER, Endpoint, Era, endpoint

ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])
LIMIT_SECONDS = 20
"""Only against hanging: nothing here takes a hundredth of it."""


async def call_raw(mcp: Endpoint, era: Era) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a tool call over a connection of its own, without reading the answer."""
    meta: dict[str, Any] = {f"{META}/protocolVersion": MODERN, f"{META}/clientCapabilities": {}}
    params: dict[str, Any] = {
        "name": "sync_progress",
        "arguments": {},
        **({"_meta": meta} if era == "modern" else {}),
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    lines = [f"POST {PLANNER} HTTP/1.1", "host: 127.0.0.1", "x-client-name: claude code"]
    lines += ["content-type: application/json", f"content-length: {len(body)}"]
    if era == "modern":
        lines += [f"mcp-protocol-version: {MODERN}", "mcp-method: tools/call", "mcp-name: sync_progress"]
    host, port = mcp.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write("\r\n".join([*lines, "", body]).encode())
    return reader, writer


class Tool:
    """What the tool does, and what happened to it."""

    def __init__(self, work: Callable[[Exchange], Awaitable[object]]) -> None:
        self._work = work
        self.started = asyncio.Event()
        self.ended = asyncio.Event()
        self.delivered = asyncio.Event()
        self.request_id = ""

    async def __call__(self, _: Identity, exchange: Exchange) -> None:
        async def deliver() -> None:
            self.delivered.set()

        exchange.on_delivered(deliver)
        self.request_id = structlog.contextvars.get_contextvars()["request_id"]
        self.started.set()
        try:
            await self._work(exchange)
            assert not self.delivered.is_set()
        finally:
            self.ended.set()


@ERAS
@pytest.mark.parametrize("farewell", ["close", "reset", "half"])
async def test_a_waiting_tool_sees_its_client_go(era: Era, farewell: str) -> None:
    tool = Tool(lambda exchange: exchange.disconnected.wait())
    async with asyncio.timeout(LIMIT_SECONDS), endpoint(tool) as mcp:
        _, writer = await call_raw(mcp, era)
        await tool.started.wait()
        assert not tool.ended.is_set()
        if farewell == "reset":
            writer.transport.abort()
        elif farewell == "half":
            writer.write_eof()
        else:
            writer.close()
        await tool.ended.wait()
        writer.close()
    assert not tool.delivered.is_set()


@ERAS
async def test_a_tool_that_does_not_wait_is_not_told_of_a_delivery_to_a_client_that_left(era: Era) -> None:
    left = asyncio.Event()
    tool = Tool(lambda _: left.wait())
    async with asyncio.timeout(LIMIT_SECONDS), endpoint(tool) as mcp:
        _, writer = await call_raw(mcp, era)
        await tool.started.wait()
        writer.transport.abort()
        # The next request is served after the server has seen the connection end.
        await mcp.tools(PLANNER)
        left.set()
        await tool.ended.wait()
    assert not tool.delivered.is_set()


@ERAS
async def test_delivery_is_told_after_the_answer(era: Era) -> None:
    async def work(_: Exchange) -> None:
        await asyncio.sleep(0)

    tool = Tool(work)
    async with asyncio.timeout(LIMIT_SECONDS), endpoint(tool) as mcp:
        reader, writer = await call_raw(mcp, era)
        head = await reader.readuntil(b"\r\n\r\n")
        await tool.delivered.wait()
        writer.close()
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"x-request-id: {tool.request_id}".encode() in head


@ERAS
async def test_a_client_that_stays_is_answered_while_its_tool_watches(era: Era) -> None:
    finish = asyncio.Event()

    async def work(exchange: Exchange) -> None:
        watching = asyncio.create_task(exchange.disconnected.wait())
        await finish.wait()
        assert not exchange.disconnected.is_set()
        watching.cancel()

    tool = Tool(work)
    async with asyncio.timeout(LIMIT_SECONDS), endpoint(tool) as mcp:
        reader, writer = await call_raw(mcp, era)
        await tool.started.wait()
        finish.set()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
        await tool.delivered.wait()
        writer.close()


async def test_one_connection_serves_one_exchange_after_another() -> None:
    waits: list[asyncio.Task[None]] = []

    async def use(_: Identity, exchange: Exchange) -> None:
        waits.append(asyncio.create_task(exchange.disconnected.wait()))
        await asyncio.sleep(0)

    async with asyncio.timeout(LIMIT_SECONDS), endpoint(use) as mcp:
        for _ in range(5):
            answer = await mcp.call(PLANNER, "sync_progress", {}, (("x-client-name", "claude code"),))
            assert answer.json()["result"]["isError"] is False
        assert not any(wait.done() for wait in waits)
    for wait in waits:
        wait.cancel()
