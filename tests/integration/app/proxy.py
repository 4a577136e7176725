"""A door to a database that a test can open and shut: connections go through a port of loopback."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from types import TracebackType
from urllib.parse import parse_qs, urlsplit


class Door:
    """Forwards connections on a port to the Unix socket that a DSN names, while it is open."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        target = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._socket = f"{target['host']}/.s.PGSQL.{target['port']}"
        # Bound but not listening: the port stays ours, and whoever connects is refused.
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.dsn = f"postgresql://{parts.username}:a-secret@127.0.0.1:{self.port}{parts.path}"
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Door:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shut()
        self._listener.close()

    async def open(self) -> None:
        """Let connections through from now on."""
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port, reuse_port=True)

    async def shut(self) -> None:
        """Refuse connections, and cut those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._connections:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        inner_reader, inner_writer = await asyncio.open_unix_connection(self._socket)
        ends = {writer, inner_writer}
        self._connections |= ends
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        self._connections -= ends


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
