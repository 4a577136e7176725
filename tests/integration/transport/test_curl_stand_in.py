"""What stands in for curl on a machine without it sends the bytes that curl sends."""

from __future__ import annotations

import asyncio
import re
import shutil

import pytest

from tests.integration.transport.curl import CURL_CLAUDE, CURL_CURSOR, run_line

ANSWER = b'{"heard": true}'


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl to compare it with")
@pytest.mark.parametrize("line", [CURL_CLAUDE, CURL_CURSOR], ids=["claude", "cursor"])
async def test_it_sends_what_curl_sends(line: str) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length is not None
        heard.append(head + await reader.readexactly(int(length[1])))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for stand_in in (False, True):
            answer = await run_line(line, f"http://127.0.0.1:{port}", stand_in=stand_in)
            assert answer == {"heard": True}
    curl, ours = (re.sub(rb"curl/\S+", b"curl", request) for request in heard)
    assert ours == curl
