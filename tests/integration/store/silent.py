"""A client of Postgres that sends and never reads: what a process looks like from there once it is stopped."""

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from coordination.store.database import SERVER_SETTINGS


class Silent:
    """A connection on which nothing is read any more."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def ask(self, statement: str) -> None:
        """Send a whole statement, whose answer will not be read."""
        await self._send(b"Q", statement.encode() + b"\0")

    async def begin_group(self, statement: str) -> None:
        """Send the first call of a group, whose rest will not come: all but Sync."""
        await self._send(b"P", b"\0" + statement.encode() + b"\0\0\0")
        await self._send(b"B", bytes(8))
        await self._send(b"E", bytes(5))
        await self._send(b"H", b"")

    async def _send(self, kind: bytes, body: bytes) -> None:
        self._writer.write(kind + struct.pack("!I", len(body) + 4) + body)
        await self._writer.drain()


@asynccontextmanager
async def silent(dsn: str, **settings: str) -> AsyncGenerator[Silent]:
    """Connect with the service's settings, but for those given, and fall silent once the server is ready."""
    url = urlsplit(dsn)
    query = parse_qs(url.query)
    reader, writer = await asyncio.open_unix_connection(
        f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}", limit=2**10
    )
    said = {"user": url.username or "", "database": url.path.lstrip("/"), **SERVER_SETTINGS, **settings}
    start = b"".join(f"{name}\0{value}\0".encode() for name, value in said.items()) + b"\0"
    writer.write(struct.pack("!II", len(start) + 8, 196608) + start)
    kind = b""
    while kind != b"Z":
        kind, size = struct.unpack("!cI", await reader.readexactly(5))
        await reader.readexactly(size - 4)
    try:
        yield Silent(writer)
    finally:
        writer.transport.abort()
