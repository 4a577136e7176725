"""An HTTP protocol for uvicorn that sends an answer by one write.

uvicorn writes the head of an answer and its body apart. Each write is a system call that wakes the client up, the first
one for a head with which it can do nothing. Here what is written in one turn of the event loop is collected and sent at
once when the answer is whole, else at the end of the turn; much is sent at once too, so that flow control sees it. The
order stays as it is, and streams are not delayed beyond their own turn.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

UNSENT_MAX: Final = 64 * 1024
"""Bytes: more than that is not kept to the end of the turn."""


class CollectingTransport:
    """A transport that sends what is written to it once per turn of the event loop; in all else it is the one below.

    Args:
        transport: where it is sent.
        loop: whose turns count.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._unsent: list[bytes] = []
        self._size = 0

    # Any: this stands for another object, whatever that has.
    def __getattr__(self, name: str) -> Any:
        """Return a member of the transport below."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` at the end of this turn, or now with all before it when that is much."""
        if not self._unsent:
            self._loop.call_soon(self.flush)
        self._unsent.append(data)
        self._size += len(data)
        if self._size > UNSENT_MAX:
            self.flush()

    def writelines(self, lines: Iterable[bytes]) -> None:
        """Send all `lines` as `write` does."""
        self.write(b"".join(lines))

    def flush(self) -> None:
        """Send what was written, now."""
        unsent, self._unsent, self._size = self._unsent, [], 0
        if unsent and not self._transport.is_closing():
            self._transport.write(b"".join(unsent))

    def close(self) -> None:
        """Send what was written and close."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what was written and not sent is lost."""
        self._unsent, self._size = [], 0
        self._transport.abort()


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol on a `CollectingTransport`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  as in uvicorn
        """Begin to serve a connection."""
        self._collecting = CollectingTransport(transport, self.loop)
        below: Any = self._collecting
        super().connection_made(below)

    def on_response_complete(self) -> None:
        """Send an answer that is whole: its client can go on while others are still answered in this turn."""
        self._collecting.flush()
        super().on_response_complete()
