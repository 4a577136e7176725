"""What terminals say of themselves is remembered; what strangers say at length is not."""

import gc
import tracemalloc

import orjson
import pytest
from starlette.types import Message, Receive, Scope, Send

from coordination.transport.exchange import ExchangeMiddleware
from coordination.transport.mcp.identity import CallerResolution, Entrance
from tests.unit.transport.asgi import run, scope_of


async def served(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})


ENDPOINT = Entrance(ExchangeMiddleware(CallerResolution(served)), workspace="local")
"""All that reads who asks, without a server that would keep a request for a while."""


async def ask(
    *, client: str = "claude", user_agent: str = "claude-code/2.1.0", info: str = "claude-code"
) -> int:
    """Send one request of a planner; the status of its answer."""
    body = orjson.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"clientInfo": {"name": info}}}
    )

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [("content-type", "application/json"), ("user-agent", user_agent)]
    path = f"/mcp/v2/{client}/alice--demo--planner"
    return (await run(ENDPOINT, scope_of(path=path, headers=headers), receive)).status


@pytest.mark.parametrize("part", ["client", "user_agent", "info"])
async def test_what_callers_say_of_themselves_does_not_fill_the_memory(part: str) -> None:
    assert await ask(**{part: "x"}) == 200
    tracemalloc.start()
    try:
        for number in range(20):
            assert await ask(**{part: f"{number}" + "x" * 50_000}) == 200
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 500_000
