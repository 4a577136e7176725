"""What connections may cost: heads are bounded in size and time, connections in number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.types import Receive

from coordination.transport import bounds
from coordination.transport.bounds import HEAD_MAX, BoundedProtocol
from tests.integration.transport.endpoint import served
from tests.unit.transport.asgi import Inner

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
REQUEST = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n"


@asynccontextmanager
async def service(**options: Any) -> AsyncGenerator[tuple[str, Inner]]:
    inner = Inner()
    async with served(inner, http=BoundedProtocol, ws="none", lifespan="off", **options) as url:
        yield url, inner


@asynccontextmanager
async def connection(url: str) -> AsyncGenerator[Ends]:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer_to(url: str, *parts: bytes) -> bytes:
    """All that is answered until the service closes the connection."""
    async with connection(url) as (reader, writer):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        return await reader.read()


def assert_refused(answer: bytes, status: int, code: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    assert b'"code":"%s"' % code.encode() in body


@pytest.mark.parametrize(
    "parts",
    [
        [REQUEST + b"x-a: " + b"a" * HEAD_MAX + b"\r\n\r\n"],
        [REQUEST + b"x-a: " + b"a" * HEAD_MAX],
        [REQUEST + b"".join(b"x-%d: %s\r\n" % (number, b"a" * 1000) for number in range(80)) + b"\r\n"],
        [b"GET /" + b"a" * HEAD_MAX + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"],
    ],
)
async def test_a_head_that_is_too_large_is_refused_before_anything_reads_it(parts: list[bytes]) -> None:
    async with service() as (url, inner):
        assert_refused(await answer_to(url, *parts), 431, "head_too_large")
    assert not inner.scopes


async def test_a_header_without_an_end_ends_the_connection() -> None:
    async with service() as (url, inner), connection(url) as (_, writer):
        with pytest.raises(OSError, match=r"reset|closed|lost|pipe"):
            writer.write(REQUEST + b"x-a: ")
            while True:
                writer.write(b"a" * HEAD_MAX)
                await writer.drain()
    assert not inner.scopes


async def test_a_head_of_the_usual_size_with_a_large_body_is_served() -> None:
    async with service() as (url, inner), httpx.AsyncClient() as client:
        headers = {"x-a": "a" * (HEAD_MAX // 2)}
        assert (await client.post(url, content=b"x" * 500_000, headers=headers)).text == "served"
        assert (await client.get(url, headers=headers)).text == "served"
    assert len(inner.scopes) == 2


@pytest.mark.parametrize("part", [b"G", b"GET / HTTP/1.1\r\n", REQUEST, REQUEST + b"x-a: a"])
async def test_a_head_that_does_not_end_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.05)
    async with service() as (url, inner):
        assert_refused(await answer_to(url, part), 408, "head_timeout")
        # The second request of a connection is no better than the first.
        async with connection(url) as (reader, writer):
            writer.write(REQUEST + b"\r\n")
            await reader.readuntil(b"0\r\n\r\n")
            writer.write(part)
            assert_refused(await reader.read(), 408, "head_timeout")
    assert len(inner.scopes) == 1


async def test_a_head_in_many_parts_has_no_longer_than_one_in_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.2)
    async with service() as (url, inner), connection(url) as (reader, writer):
        answered = asyncio.create_task(reader.read())
        for byte in REQUEST + b"x" * 3000:
            if answered.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)
        assert answered.done()
        # What was sent into the closed connection may have taken the answer with it.
        await asyncio.gather(answered, return_exceptions=True)
    assert not inner.scopes


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with service(timeout_keep_alive=0.05) as (url, _):
        assert await answer_to(url) == b""


async def test_an_answer_that_takes_longer_than_a_head_may_is_not_disturbed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.02)
    go = asyncio.Event()

    async def slow(_scope: object, _receive: object) -> bytes:
        await go.wait()
        return b"at last"

    inner = Inner(slow)
    async with (
        served(inner, http=BoundedProtocol, lifespan="off") as url,
        connection(url) as (reader, writer),
    ):
        writer.write(REQUEST + b"\r\n" + REQUEST)
        await asyncio.sleep(0.1)
        go.set()
        assert b"at last" in await reader.readuntil(b"0\r\n\r\n")
        assert_refused(await reader.read(), 408, "head_timeout")


async def test_more_connections_than_may_be_are_told_so_and_those_that_are_there_live_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "MOST_CONNECTIONS", 2)
    async with service() as (url, inner):
        async with connection(url) as (reader, writer), connection(url) as (_, other):
            for end in (writer, other):
                end.write(REQUEST + b"\r\n")
            await reader.readuntil(b"0\r\n\r\n")
            assert_refused(await answer_to(url, REQUEST + b"\r\n"), 503, "too_many_connections")
            writer.write(REQUEST + b"\r\n")
            await reader.readuntil(b"0\r\n\r\n")
        async with httpx.AsyncClient() as client:
            while (answer := await client.get(url)).status_code == 503:
                pass
            assert answer.text == "served"
    assert len(inner.scopes) == 4


@pytest.mark.parametrize(
    "content", [b"\x00\x01\x02\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"NO / WAY\r\n\r\n"]
)
async def test_what_is_no_http_is_answered_with_a_problem(content: bytes) -> None:
    async with service() as (url, inner):
        assert_refused(await answer_to(url, content), 400, "malformed_request")
    assert not inner.scopes


CHUNKED = REQUEST + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"


@pytest.mark.parametrize("trailer", [b"x-a: " + b"a" * HEAD_MAX, b"x-a: a\r\n" * (HEAD_MAX // 8)])
async def test_trailers_without_an_end_end_the_connection(trailer: bytes) -> None:
    async with service() as (url, _), connection(url) as (_, writer):
        with pytest.raises(OSError, match=r"reset|closed|lost|pipe"):
            writer.write(CHUNKED)
            while True:
                writer.write(trailer)
                await writer.drain()


async def test_trailers_are_no_headers() -> None:
    async with service() as (url, inner), connection(url) as (reader, writer):
        writer.write(CHUNKED + b"x-client-name: claude code\r\n\r\n")
        assert b"served" in await reader.readuntil(b"0\r\n\r\n")
    names = [name for name, _ in inner.scopes[0]["headers"]]
    assert b"transfer-encoding" in names
    assert b"x-client-name" not in names


async def whole(_scope: object, receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return b"%d bytes" % len(body)


async def test_a_body_in_many_small_chunks_is_served() -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(20_000):
            yield b"abcd"

    inner = Inner(whole)
    async with (
        served(inner, http=BoundedProtocol, lifespan="off") as url,
        httpx.AsyncClient() as client,
    ):
        assert (await client.post(url, content=chunks())).text == "80000 bytes"


H2C = b"upgrade: h2c\r\nconnection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAMAAABkAAQ\r\n"
WEBSOCKET = (
    b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: a\r\n"
)
UPGRADES = pytest.mark.parametrize("upgrade", [H2C, WEBSOCKET], ids=["h2c", "websocket"])


@asynccontextmanager
async def upgraded(**options: Any) -> AsyncGenerator[tuple[Inner, Ends]]:
    inner = Inner(whole)
    async with (
        served(inner, http=BoundedProtocol, lifespan="off", **options) as url,
        connection(url) as ends,
    ):
        yield inner, ends


@UPGRADES
@pytest.mark.parametrize("options", [{"ws": "none"}, {}], ids=["none", "auto"])
async def test_an_upgrade_that_is_not_served_is_ignored(upgrade: bytes, options: dict[str, Any]) -> None:
    post = b"POST /a?b=c HTTP/1.1\r\nhost: 127.0.0.1\r\n" + upgrade
    async with upgraded(**options) as (inner, (reader, writer)):
        writer.write(post + b"content-length: 5\r\n\r\nhello")
        assert b"5 bytes" in await reader.readuntil(b"0\r\n\r\n")
        writer.write(post + b"transfer-encoding: chunked\r\n\r\n")
        for part in (b"5\r\nhello\r\n", b"6\r\n there\r\n0\r\n\r\n"):
            writer.write(part)
            await writer.drain()
        assert b"11 bytes" in await reader.readuntil(b"0\r\n\r\n")
        writer.write(REQUEST + upgrade + b"\r\n" + REQUEST + b"\r\n")
        for _ in range(2):
            assert b"0 bytes" in await reader.readuntil(b"0\r\n\r\n")
    assert [scope["type"] for scope in inner.scopes] == ["http"] * 4
    assert (inner.scopes[0]["method"], inner.scopes[0]["path"]) == ("POST", "/a")
    assert inner.scopes[0]["query_string"] == b"b=c"
    assert b"host" in dict(inner.scopes[0]["headers"])
    assert b"upgrade" not in dict(inner.scopes[0]["headers"])


async def test_an_upgrade_in_small_parts_is_ignored_too() -> None:
    request = b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\n" + H2C + b"content-length: 5\r\n\r\nhello"
    async with upgraded(ws="none") as (inner, (reader, writer)):
        for byte in request:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert b"5 bytes" in await reader.readuntil(b"0\r\n\r\n")
    assert len(inner.scopes) == 1


@UPGRADES
async def test_an_upgrade_does_not_lead_past_the_bounds_of_a_head(upgrade: bytes) -> None:
    head = REQUEST + upgrade + b"x-a: " + b"a" * HEAD_MAX
    async with service() as (url, inner):
        assert_refused(await answer_to(url, head + b"\r\n\r\n"), 431, "head_too_large")
        assert_refused(await answer_to(url, head), 431, "head_too_large")
    assert not inner.scopes


async def test_garbage_after_a_call_is_not_answered_in_its_place() -> None:
    go = asyncio.Event()

    async def slow(_scope: object, _receive: object) -> bytes:
        await go.wait()
        return b"at last"

    inner = Inner(slow)
    async with served(inner, http=BoundedProtocol, ws="none", lifespan="off") as url:
        for garbage in (b"\x00\x01\r\n\r\n", REQUEST + b"x-a: " + b"a" * HEAD_MAX):
            assert await answer_to(url, REQUEST + b"\r\n" + garbage) == b""
        go.set()
    assert len(inner.scopes) == 2


async def test_a_body_that_is_malformed_is_answered_with_a_problem() -> None:
    inner = Inner(whole)
    async with served(inner, http=BoundedProtocol, ws="none", lifespan="off") as url:
        content = REQUEST + b"transfer-encoding: chunked\r\n\r\nno number\r\n"
        assert_refused(await answer_to(url, content), 400, "malformed_request")
