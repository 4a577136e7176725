"""What a WebSocket may cost: nothing leads past the bounds of a connection."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from coordination.transport import bounds
from coordination.transport.bounds import HEAD_MAX
from coordination.transport.peer import can_check, peer_checked, trusted_uids
from coordination.transport.web_socket_protocol import wish
from tests.integration.transport.test_bounds import answer_to, assert_refused, connection
from tests.integration.transport.web_socket import HANDSHAKE, KEY, end, service, socket


async def test_messages_go_both_ways() -> None:
    async with service() as (url, application), socket(url) as one:
        for text in ("a", "", "ü" * 5000):
            await one.send(text)
            assert await one.recv() == text
        await one.send(["in ", "parts"])
        assert await one.recv() == "in parts"
    assert application.scopes[0]["path"] == "/ws"


@pytest.mark.parametrize(
    "head",
    [
        HANDSHAKE.replace(b"GET", b"POST") + b"content-length: 0\r\n",
        HANDSHAKE.replace(b"GET /ws", b"GET /other"),
        HANDSHAKE.replace(KEY, b""),
        HANDSHAKE.replace(b"version: 13", b"version: 8"),
        HANDSHAKE.replace(b"dGhl", b"AAAA!"),
        HANDSHAKE.replace(b"connection: upgrade", b"connection: close, x"),
        HANDSHAKE.replace(b"websocket\r\nconnection", b"h2c\r\nconnection"),
        HANDSHAKE + b"content-length: 5\r\n",
        HANDSHAKE + KEY,
    ],
    ids=["POST", "path", "no key", "version", "key", "connection", "h2c", "body", "twice"],
)
async def test_what_is_no_complete_handshake_is_a_request_like_any_other(head: bytes) -> None:
    async with service() as (url, application), connection(url) as (reader, writer):
        writer.write(head + b"\r\n" + (b"hello" if b"length: 5" in head else b""))
        assert b"served" in await reader.readuntil(b"served")
    assert [scope["type"] for scope in application.scopes] == ["http"]


def test_a_handshake_is_judged_by_its_whole_head() -> None:
    assert wish(HANDSHAKE + b"\r\n") == "granted"
    assert wish(HANDSHAKE + b"x-a: " + b"a" * 10_000 + b"\r\n\r\n") == "too_large"
    assert wish(HANDSHAKE + b"x-a: a\r\n" * 200 + b"\r\n") == "too_large"
    assert wish(HANDSHAKE.replace(b"/ws", b"/ws?" + b"a" * 10_000) + b"\r\n") == "too_large"
    assert wish(HANDSHAKE + KEY + b"\r\n") == "ignored"


@pytest.mark.parametrize("size", [10_000, HEAD_MAX])
async def test_a_head_that_is_too_large_is_refused_before_anything_reads_it(size: int) -> None:
    async with service() as (url, application):
        answer = await answer_to(url, HANDSHAKE + b"x-a: " + b"a" * size + b"\r\n\r\n")
        assert_refused(answer, 431, "head_too_large")
    assert not application.scopes


async def test_a_handshake_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.05)
    async with service() as (url, application):
        assert_refused(await answer_to(url, HANDSHAKE), 408, "head_timeout")
    assert not application.scopes


async def test_the_time_of_a_head_ends_with_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.05)
    async with service(timeout_keep_alive=0.05) as (url, _), connection(url) as (reader, writer):
        for part in (HANDSHAKE[:20], HANDSHAKE[20:] + b"\r\n"):
            writer.write(part)
            await asyncio.sleep(0)
        await reader.readuntil(b"\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)


async def test_nothing_may_be_sent_before_the_answer_to_the_handshake() -> None:
    async with service() as (url, application):
        answer = await answer_to(url, HANDSHAKE + b"\r\n\x81\x80\x00\x00\x00\x00")
        assert_refused(answer, 400, "malformed_request")
    assert not application.scopes


async def test_they_count_among_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_CONNECTIONS", 2)
    async with service() as (url, _):
        async with socket(url) as one, socket(url):
            with pytest.raises(InvalidStatus) as found:
                async with socket(url):
                    pass
            assert found.value.response.status_code == 503
            await one.send("a")
            assert await one.recv() == "a"
        assert_refused(await answer_to(url, b"no http\r\n\r\n"), 400, "malformed_request")


@pytest.mark.skipif(not can_check(), reason="this system does not tell who owns a connection")
async def test_another_user_is_refused_before_the_handshake_is_read() -> None:
    refused: list[int | None] = []
    async with service(http=peer_checked([os.getuid() + 1], refused.append)) as (url, application):
        with pytest.raises(InvalidStatus) as found:
            async with socket(url):
                pass
    assert found.value.response.status_code == 403
    assert refused == [os.getuid()]
    assert not application.scopes
    async with service(http=peer_checked(trusted_uids(), refused.append)) as (url, _), socket(url) as one:
        await one.send("a")
        assert await one.recv() == "a"


async def test_compression_which_could_grow_to_any_size_is_not_agreed_to() -> None:
    async with service() as (url, _), connect(url.replace("http", "ws", 1) + "/ws", proxy=None) as one:
        assert one.response is not None
        assert "sec-websocket-extensions" not in one.response.headers


async def test_a_client_that_does_not_answer_pings_is_gone() -> None:
    async with (
        service(ws_ping_interval=0.05, ws_ping_timeout=0.05) as (url, application),
        connection(url) as (reader, writer),
    ):
        writer.write(HANDSHAKE + b"\r\n")
        answer = await reader.read()
        await application.ended.wait()
    assert answer.endswith(b"keepalive ping timeout")


async def test_a_service_that_stops_says_so_to_who_reads(caplog: pytest.LogCaptureFixture) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with service() as (url, _):
            one = await stack.enter_async_context(socket(url))
            await one.send("a")
            await one.recv()
        assert (await end(one))[0] == 1012
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
