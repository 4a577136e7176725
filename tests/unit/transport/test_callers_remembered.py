"""What terminals say of themselves is remembered; what strangers say at length is not."""

import gc
import tracemalloc

import orjson
import pytest
from starlette.types import Message, Receive, Scope, Send

from coordination.domain.visibility import PLANNER_TOOLS
from coordination.transport.auth import LocalTokenGate
from coordination.transport.exchange import ExchangeMiddleware
from coordination.transport.mcp.identity import Caller, CallerResolution, Entrance
from tests.unit.transport.asgi import run, scope_of

Pairs = tuple[tuple[str, str], ...]
PLANNER = "/mcp/v2/claude/alice__session__demo__planner"
NAMED = ("x-client-name", "claude")
CHECKOUT = ("x-coordination-checkout", "here:/work")
TERMINAL = ("x-coordination-terminal", "7-1")


async def served(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})


ENDPOINT = LocalTokenGate(Entrance(ExchangeMiddleware(CallerResolution(served))), token=None)
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


async def caller_of(path: str, headers: Pairs, info: str | None) -> Caller:
    """Send one request; who the service takes it to be from."""
    params = {} if info is None else {"clientInfo": {"name": info}}
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = scope_of(path=path, headers=[("content-type", "application/json"), *headers])
    assert (await run(ENDPOINT, scope, receive)).status == 200
    caller: Caller = scope["coordination.caller"]
    return caller


@pytest.mark.parametrize(
    ("path", "headers", "info"),
    [
        (PLANNER.replace("claude", "cursor"), (NAMED, CHECKOUT, TERMINAL), None),
        (PLANNER.replace("alice", "bob"), (NAMED, CHECKOUT, TERMINAL), None),
        (PLANNER, (CHECKOUT, TERMINAL), None),
        (PLANNER, (("user-agent", "claude"), CHECKOUT, TERMINAL), None),
        (PLANNER, (NAMED, ("x-coordination-checkout", "there:/work"), TERMINAL), None),
        (PLANNER, (NAMED, CHECKOUT, ("x-coordination-terminal", "8-1")), None),
        (PLANNER, (NAMED, CHECKOUT, TERMINAL, ("user-agent", "cursor/1.0")), None),
        (PLANNER, (NAMED, CHECKOUT, TERMINAL, ("x-api-key", "secret")), None),
        (PLANNER, (NAMED, CHECKOUT, TERMINAL), "cursor"),
        (PLANNER, (NAMED, CHECKOUT, TERMINAL), ""),
    ],
)
async def test_what_is_remembered_of_a_caller_is_taken_for_no_other(
    path: str, headers: Pairs, info: str | None
) -> None:
    known = await caller_of(PLANNER, (NAMED, CHECKOUT, TERMINAL), None)
    assert known.tools == PLANNER_TOOLS
    other = await caller_of(path, headers, info)
    assert (other.identity, other.verdict) != (known.identity, known.verdict)
    assert await caller_of(PLANNER, (NAMED, CHECKOUT, TERMINAL), None) == known


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
