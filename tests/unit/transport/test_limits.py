"""What one address and one credential may ask of a hosted service, before the gate and behind it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from starlette.types import Receive, Scope, Send

from coordination.domain.principal import Principal
from coordination.transport.auth import keep_principal
from coordination.transport.limits import AddressLimits, Limits, TokenLimits, wait_of
from coordination.transport.problem import problem
from tests.unit.transport.asgi import Inner, Sent, run, scope_of

LOOSE = Limits(token_rate=100, address_rate=100, address_requests=100, address_failures=100)
MCP = "/mcp/v2/"


def scope_from(host: str, kind: str = "http", path: str = "/api/v1/sessions") -> Scope:
    """A request of an address."""
    extensions: dict[str, object] = {"websocket.http.response": {}}
    return scope_of(kind, path, client=(host, 5000), extensions=extensions)


def scope_by(principal: Principal, path: str = "/api/v1/sessions") -> Scope:
    """A request that the gate let through."""
    scope = scope_of("http", path)
    keep_principal(scope, principal)
    return scope


async def deny(scope: Scope, receive: Receive, send: Send) -> None:
    """A gate that lets nobody through."""
    await problem(401, "unauthorized", "…")(scope, receive, send)


def assert_limited(sent: Sent, code: str = "rate_limited") -> None:
    assert (sent.status, sent.json["code"]) == (429, code)
    assert int(sent.headers["retry-after"]) >= 1


async def test_an_address_that_asks_too_often_is_told_when_to_go_on() -> None:
    app = AddressLimits(Inner(), limits=replace(LOOSE, address_rate=1))
    answers = [await run(app, scope_from("203.0.113.7")) for _ in range(5)]
    assert [sent.status for sent in answers] == [200] * 4 + [429]
    assert_limited(answers[4])
    assert (await run(app, scope_from("203.0.113.8"))).status == 200


async def test_a_web_socket_counts_like_a_request() -> None:
    app = AddressLimits(Inner(), limits=replace(LOOSE, address_rate=1))
    for _ in range(4):
        await run(app, scope_from("203.0.113.7"))
    sent = await run(app, scope_from("203.0.113.7", "websocket"))
    assert sent.messages[0]["type"] == "websocket.http.response.start"
    assert sent.status == 429


async def test_who_fails_to_authenticate_too_often_is_not_asked_any_more() -> None:
    inner = Inner()
    asked = 0

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal asked
        asked += 1
        await (deny if scope["path"] == "/guess" else inner)(scope, receive, send)

    app = AddressLimits(gate, limits=replace(LOOSE, address_failures=3))
    statuses = [(await run(app, scope_from("203.0.113.7", path="/guess"))).status for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert asked == 3
    assert_limited(await run(app, scope_from("203.0.113.7")))
    assert (await run(app, scope_from("203.0.113.8"))).status == 200


async def test_what_the_gate_let_through_lately_does_not_suffer_for_a_neighbour() -> None:
    inner = Inner()
    works = {b"Bearer good"}

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        if dict(scope["headers"]).get(b"authorization") in works:
            keep_principal(scope, Principal("w", "alice"))
        elif scope["path"] != "/health":
            await deny(scope, receive, send)
            return
        await inner(scope, receive, send)

    async def status(credential: str, path: str = "/api/v1/sessions", kind: str = "http") -> int:
        headers = [(b"authorization", f"Bearer {credential}".encode())]
        return (await run(app, {**scope_from("203.0.113.7", kind, path), "headers": headers})).status

    app = AddressLimits(gate, limits=replace(LOOSE, address_failures=2))
    assert await status("good") == 200
    assert await status("other", "/health") == 200
    assert [await status("guess") for _ in range(3)] == [401, 401, 429]
    assert await status("good") == 200
    assert await status("other") == 429, "no credential was looked at there"
    works.clear()
    assert [await status("good") for _ in range(2)] == [401, 429]


async def test_successes_do_not_count_as_failures() -> None:
    app = AddressLimits(Inner(), limits=replace(LOOSE, address_failures=1))
    assert [(await run(app, scope_from("203.0.113.7"))).status for _ in range(5)] == [200] * 5


async def test_an_address_has_so_many_requests_under_way_and_an_end_makes_room() -> None:
    leave, inside = asyncio.Event(), asyncio.Semaphore(0)

    async def stay(_scope: Scope, _receive: Receive) -> bytes:
        inside.release()
        await leave.wait()
        return b""

    app = AddressLimits(Inner(stay), limits=replace(LOOSE, address_requests=2))
    staying = [asyncio.create_task(run(app, scope_from("203.0.113.7"))) for _ in range(2)]
    for _ in staying:
        await inside.acquire()
    assert_limited(await run(app, scope_from("203.0.113.7")), "too_many_connections")
    leave.set()
    assert (await run(app, scope_from("203.0.113.8"))).status == 200
    await asyncio.gather(*staying)
    assert (await run(app, scope_from("203.0.113.7"))).status == 200
    assert not app._running


async def test_a_request_that_fails_is_no_longer_under_way() -> None:
    async def broken(_scope: Scope, _receive: Receive) -> bytes:
        raise RuntimeError

    app = AddressLimits(Inner(broken), limits=LOOSE)
    with pytest.raises(RuntimeError):
        await run(app, scope_from("203.0.113.7"))
    assert not app._running


async def test_a_credential_that_asks_too_often_is_told_when_to_go_on() -> None:
    app = TokenLimits(Inner(), limits=replace(LOOSE, token_rate=1), mcp_prefix=MCP)
    one, two = Principal("w", "alice", token_id="1"), Principal("w", "alice", token_id="2")  # noqa: S106 - an id, which is public
    answers = [await run(app, scope_by(one)) for _ in range(5)]
    assert [sent.status for sent in answers] == [200] * 4 + [429]
    assert_limited(answers[4])
    assert (await run(app, scope_by(two))).status == 200


async def test_people_without_a_token_are_counted_apart_also_in_two_workspaces() -> None:
    app = TokenLimits(Inner(), limits=replace(LOOSE, token_rate=1), mcp_prefix=MCP)
    people = [Principal(w, "alice", subject=s) for w, s in (("a", "1"), ("b", "1"), ("a", "2"))]
    for person in people:
        statuses = [(await run(app, scope_by(person))).status for _ in range(5)]
        assert statuses == [200] * 4 + [429]


async def test_the_mcp_endpoint_answers_for_itself() -> None:
    inner = Inner()
    app = TokenLimits(inner, limits=replace(LOOSE, token_rate=1), mcp_prefix=MCP)
    for _ in range(5):
        await run(app, scope_by(Principal("w", "alice"), "/mcp/v2/claude/alice"))
    assert [wait_of(scope) > 0 for scope in inner.scopes] == [False] * 4 + [True]


async def test_what_needs_no_credential_has_no_limit_of_one() -> None:
    app = TokenLimits(Inner(), limits=replace(LOOSE, token_rate=1), mcp_prefix=MCP)
    assert [(await run(app, scope_of("http", "/health"))).status for _ in range(9)] == [200] * 9


async def test_the_lifespan_passes() -> None:
    inner = Inner()
    await run(AddressLimits(inner, limits=LOOSE), {"type": "lifespan"})
    assert len(inner.scopes) == 1
