"""Who does not read what it is sent: it is told, cut, and holds nobody up; and it fills no memory meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from starlette.types import Receive, Scope, Send
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from coordination.transport import bounds, stall, web_socket_protocol
from coordination.transport.bounds import BoundedProtocol
from tests.integration.transport.endpoint import served
from tests.integration.transport.test_bounds import connection
from tests.integration.transport.web_socket import (
    HANDSHAKE,
    deaf,
    end,
    loud,
    narrow,
    observed,
    read_no_more,
    service,
)

QUESTION = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


async def test_a_client_that_does_not_read_is_told_and_cut_without_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stall, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(web_socket_protocol, "LAST_SECONDS", 30.0)
    async with service(loud(10_000)) as (url, application), deaf(url) as one:
        await application.ended.wait()  # it was sent no more while it did not read
        last = ""
        with contextlib.suppress(ConnectionClosed):
            while True:
                last = await one.recv()
        assert json.loads(last)["error"]["code"] == "too_slow"
        assert (one.close_code, one.close_reason) == (4008, "too_slow")
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]


async def test_a_client_that_never_reads_again_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stall, "STALL_SECONDS", 0.1)
    monkeypatch.setattr(web_socket_protocol, "LAST_SECONDS", 0.1)
    protocol = observed()
    async with service(loud(10_000), ws=protocol) as (url, application), deaf(url) as one:
        await application.ended.wait()
        await protocol.lost.wait()
        assert (await end(one))[0] == 1006


async def test_a_client_that_reads_slowly_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stall, "STALL_SECONDS", 0.3)
    protocol = observed()
    async with (
        service(loud(60_000), ws=protocol) as (url, application),
        narrow(url) as (reader, writer),
    ):
        writer.write(HANDSHAKE + b"\r\n")
        await protocol.full.wait()
        for _ in range(10):
            await asyncio.sleep(0.1)
            assert await reader.read(20_000)
        assert not application.ended.is_set()


async def test_pings_whose_answers_nobody_reads_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stall, "STALL_SECONDS", 0.3)
    ping = Frame(Opcode.PING, b"x" * 125).serialize(mask=True)
    protocol = observed()
    async with service(ws=protocol) as (url, application), narrow(url) as (reader, writer):
        writer.write(HANDSHAKE + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        read_no_more(writer)
        with pytest.raises(OSError, match=r"reset|closed|lost|pipe"):
            while True:
                writer.write(ping * (10 if protocol.full.is_set() else 1000))
                await writer.drain()
        await application.ended.wait()


async def test_an_http_client_that_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stall, "STALL_SECONDS", 0.1)
    answer = Endless()
    async with (
        served(answer, http=BoundedProtocol, ws="none", lifespan="off") as url,
        connection(url) as (_, writer),
    ):
        read_no_more(writer)
        writer.write(QUESTION)
        await answer.ended.wait()


async def test_a_service_that_stops_is_not_held_up_by_an_http_client_that_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "LAST_SECONDS", 0.1)
    full = asyncio.Event()

    class Observed(BoundedProtocol):
        def pause_writing(self) -> None:
            super().pause_writing()
            full.set()

    stopping = served(Endless(), http=Observed, ws="none", lifespan="off", timeout_graceful_shutdown=60)
    async with asyncio.timeout(20), contextlib.AsyncExitStack() as stack, stopping as url:
        _, writer = await stack.enter_async_context(connection(url))
        read_no_more(writer)
        writer.write(QUESTION)
        await full.wait()


class Endless:
    """An application whose answer goes on until the client has gone."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.ensure_future(_receive_end(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
        self.ended.set()


async def _receive_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def test_a_service_that_stops_is_not_held_up_by_who_does_not_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(web_socket_protocol, "LAST_SECONDS", 0.2)
    protocol = observed()
    async with contextlib.AsyncExitStack() as stack:
        async with service(loud(10_000), ws=protocol, timeout_graceful_shutdown=60) as (url, _):
            await stack.enter_async_context(deaf(url))
            await protocol.full.wait()
        assert protocol.lost.is_set()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
