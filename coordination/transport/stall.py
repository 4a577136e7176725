"""A connection whose client does not take what is sent to it, and when that has lasted too long.

What is sent to a client that does not read stays in memory, and the connection stays open. How much stays is bounded by
whoever sends (it waits while the connection is full); here the time is. Only standing still counts: a client that reads
slowly takes something now and then. What happens to it is not decided here.
"""

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

STALL_SECONDS: Final = 30.0
LAST_SECONDS: Final = 2.0
"""The same once a connection is to be closed, or the service stops."""
LOOKS: Final = 5
"""How often it is looked at in that time, so that it ends at most a fifth later."""


class Stall:
    """Looks at one connection while it has something unsent.

    Args:
        transport: the connection.
        loop: its event loop.
        on_stalled: called when the client took nothing for too long.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        on_stalled: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._on_stalled = on_stalled
        self._timer: asyncio.TimerHandle | None = None
        self._least = 0
        self._since = 0.0

    def begin(self, seconds: float | None = None) -> None:
        """Look from now on, for a time of so many seconds (`STALL_SECONDS`) in which nothing is taken."""
        self.end()
        self._least, self._since = self._untaken(), self._loop.time()
        self._look_later(STALL_SECONDS if seconds is None else seconds)

    def end(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_later(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds / LOOKS, self._look, seconds)

    def _look(self, seconds: float) -> None:
        self._timer = None
        if self._transport.get_write_buffer_size() == 0:
            return
        untaken, now = self._untaken(), self._loop.time()
        if untaken < self._least:
            self._least, self._since = untaken, now
        if now - self._since < seconds:
            self._look_later(seconds)
        else:
            self._on_stalled()

    def _untaken(self) -> int:
        """How many bytes the client has not taken yet, in our memory and, where it says so, in the kernel's.

        The kernel takes megabytes ahead, and the next ones only when a third of them is gone.
        """
        unsent = self._transport.get_write_buffer_size()
        # Any: what a transport lends differs by its kind.
        connection: Any = self._transport.get_extra_info("socket")
        if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
            with suppress(OSError):
                answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
                unsent += int(struct.unpack("i", answer)[0])
        return unsent
