"""An exchange has its whole body, sees its client go away, and tells of the delivery."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from starlette.types import Message, Receive, Scope
from structlog.testing import capture_logs

from coordination.transport.exchange import DRAIN_MAX, Exchange, ExchangeMiddleware, exchange_of
from tests.unit.transport.asgi import Inner, run, scope_of

GONE: Message = {"type": "http.disconnect"}


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class Client:
    """A client that sends these messages and then stays until it is told to go."""

    def __init__(self, *messages: Message) -> None:
        self._messages = list(messages)
        self.left = asyncio.Event()
        self.read = 0

    async def __call__(self) -> Message:
        if self._messages:
            message = self._messages.pop(0)
            self.read += len(message.get("body", b""))
            return message
        await self.left.wait()
        return GONE


async def whole_body(_: Scope, receive: Receive) -> bytes:
    message = await receive()
    assert message["more_body"] is False
    return bytes(message["body"])


async def test_the_application_reads_the_whole_body_at_once() -> None:
    inner = Inner(whole_body)
    sent = await run(
        ExchangeMiddleware(inner),
        scope_of(),
        Client(part(b"one ", more=True), part(b"two", more=True), part(b"")),
    )
    assert sent.body == b"one two"
    assert exchange_of(inner.scopes[0]).body == b"one two"


async def test_every_exchange_has_an_id_in_its_answer_and_in_the_log() -> None:
    logged: list[object] = []

    async def look(scope: Scope, _: Receive) -> bytes:
        logged.append(structlog.contextvars.get_contextvars()["request_id"])
        return exchange_of(scope).request_id.encode()

    app = ExchangeMiddleware(Inner(look))
    first, second = (
        await run(app, scope_of(), Client(part(b""))),
        await run(app, scope_of(), Client(part(b""))),
    )
    assert [first.body.decode(), second.body.decode()] == logged
    assert first.headers["x-request-id"] == first.body.decode()
    assert first.body != second.body
    assert "request_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_read_away_and_refused(*, declared: bool) -> None:
    inner = Inner()
    client = Client(part(b"x" * 8, more=True), part(b"x" * 8))
    headers = [("content-length", "16")] if declared else []
    sent = await run(ExchangeMiddleware(inner, body_max=15), scope_of(headers=headers), client)
    assert (sent.status, sent.json["code"]) == (413, "body_too_large")
    assert sent.headers["connection"] == "close"
    assert client.read == 16
    assert not inner.scopes


async def test_a_body_at_the_limit_is_served() -> None:
    sent = await run(ExchangeMiddleware(Inner(whole_body), body_max=16), scope_of(), Client(part(b"x" * 16)))
    assert sent.body == b"x" * 16


async def test_an_enormous_body_is_not_even_read_away() -> None:
    client = Client(part(b"x", more=True), part(b"x" * 100, more=True))
    headers = [("content-length", str(DRAIN_MAX + 1))]
    sent = await run(ExchangeMiddleware(Inner()), scope_of(headers=headers), client)
    assert sent.status == 413
    assert client.read == 1


async def test_a_slow_body_is_refused_at_its_deadline() -> None:
    sent = await run(
        ExchangeMiddleware(Inner(), body_seconds=0.01), scope_of(), Client(part(b"x", more=True))
    )
    assert (sent.status, sent.json["code"]) == (408, "body_timeout")


async def test_a_client_that_leaves_while_sending_gets_nothing() -> None:
    inner = Inner()
    sent = await run(ExchangeMiddleware(inner), scope_of(), Client(part(b"x", more=True), GONE))
    assert not sent.messages
    assert not inner.scopes


async def test_waiters_see_the_client_leave() -> None:
    client = Client(part(b""))

    async def wait(scope: Scope, receive: Receive) -> bytes:
        exchange = exchange_of(scope)
        waiting = [asyncio.create_task(exchange.disconnected.wait()) for _ in range(3)]
        assert not exchange.disconnected.is_set()
        client.left.set()
        await asyncio.gather(*waiting)
        assert exchange.disconnected.is_set()
        await receive()
        assert (await receive()) == GONE
        return b""

    sent = await run(ExchangeMiddleware(Inner(wait)), scope_of(), client)
    assert sent.status == 200


async def answer_with(client: Client, *, leaves: bool, watched: bool) -> list[str]:
    """Serve one exchange that asks to be told of its end, and return what it was told."""
    told: list[str] = []

    async def tell() -> None:
        told.append("delivered")

    async def tell_loss() -> None:
        told.append("lost")

    async def register(scope: Scope, _: Receive) -> bytes:
        exchange = exchange_of(scope)
        exchange.on_delivered(tell)
        exchange.on_undelivered(tell_loss)
        if leaves:
            client.left.set()
        if watched:
            waiting = asyncio.create_task(exchange.disconnected.wait())
            await (waiting if leaves else asyncio.sleep(0))
            waiting.cancel()
        assert not told
        return b"answer"

    await run(ExchangeMiddleware(Inner(register)), scope_of(), client)
    return told


@pytest.mark.parametrize("watched", [True, False])
async def test_delivery_is_told_after_the_whole_answer(*, watched: bool) -> None:
    assert await answer_with(Client(part(b"")), leaves=False, watched=watched) == ["delivered"]


@pytest.mark.parametrize("watched", [True, False])
async def test_the_loss_is_told_when_the_client_left(*, watched: bool) -> None:
    assert await answer_with(Client(part(b"")), leaves=True, watched=watched) == ["lost"]


async def test_delivery_callbacks_run_in_order_and_their_errors_stop_nothing() -> None:
    told: list[str] = []

    async def first() -> None:
        told.append("first")
        raise RuntimeError("broken callback")

    async def second() -> None:
        told.append("second")

    async def register(scope: Scope, _: Receive) -> bytes:
        exchange: Exchange = exchange_of(scope)
        exchange.on_delivered(first)
        exchange.on_delivered(second)
        return b"answer"

    with capture_logs() as logs:
        sent = await run(ExchangeMiddleware(Inner(register)), scope_of(), Client(part(b"")))
    assert sent.body == b"answer"
    assert told == ["first", "second"]
    assert [entry["event"] for entry in logs] == ["delivery_callback_failed"]


async def test_an_answer_that_fails_half_way_is_not_delivered() -> None:
    told: list[str] = []

    async def tell() -> None:
        told.append("delivered")

    async def tell_loss() -> None:
        told.append("lost")

    async def fail(scope: Scope, _: Receive) -> bytes:
        exchange_of(scope).on_delivered(tell)
        exchange_of(scope).on_undelivered(tell_loss)
        raise RuntimeError("failed")

    with pytest.raises(RuntimeError, match="failed"):
        await run(ExchangeMiddleware(Inner(fail)), scope_of(), Client(part(b"")))
    assert told == ["lost"]


async def test_nobody_watches_the_connection_after_the_exchange() -> None:
    client = Client(part(b""))
    exchanges: list[Exchange] = []

    async def wait(scope: Scope, _: Receive) -> bytes:
        exchange = exchange_of(scope)
        exchanges.append(exchange)
        waiting = asyncio.create_task(exchange.disconnected.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        return b""

    await run(ExchangeMiddleware(Inner(wait)), scope_of(), client)
    client.left.set()
    await asyncio.sleep(0)
    assert not exchanges[0].disconnected.is_set()


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_other_connections_pass(kind: str) -> None:
    inner = Inner()
    await run(ExchangeMiddleware(inner), {"type": kind, "headers": []})
    assert [scope["type"] for scope in inner.scopes] == [kind]
