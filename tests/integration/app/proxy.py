"""Doors that a test can open and shut, to a database or a service: connections go through a port of loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Passage:
    """Forwards connections on a port to what `enter` opens, while it is open.

    Args:
        enter: makes a connection to what is behind it.
    """

    def __init__(self, enter: Callable[[], Awaitable[Streams]]) -> None:
        self._enter = enter
        # Bound but not listening: the port stays ours, and whoever connects is refused.
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
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
        await self.cut()

    async def cut(self) -> None:
        """Cut the connections that there are."""
        for writer in self._connections:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # From now on, so that a cut while the other end is opened ends it too.
        self._connections.add(writer)
        inner_reader, inner_writer = await self._enter()
        self._connections.add(inner_writer)
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        self._connections -= {writer, inner_writer}


class Door(Passage):
    """A passage to the Unix socket of the database that a DSN names."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        target = {name: values[0] for name, values in parse_qs(parts.query).items()}
        super().__init__(lambda: asyncio.open_unix_connection(f"{target['host']}/.s.PGSQL.{target['port']}"))
        self.dsn = f"postgresql://{parts.username}:a-secret@127.0.0.1:{self.port}{parts.path}"


class Gate(Passage):
    """A passage to the service that is behind it just now, so that one address stays while services come and go."""

    def __init__(self) -> None:
        self.behind = 0
        super().__init__(lambda: asyncio.open_connection("127.0.0.1", self.behind))

    @property
    def url(self) -> str:
        """Where clients find the service."""
        return f"http://127.0.0.1:{self.port}"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
