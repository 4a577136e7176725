"""A daemon that behaves badly in one way: what a hook has to live with. It answers in a thread, without our code."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

Behaviour = Callable[[socket.socket], None]


def framed(output: bytes) -> bytes:
    """A reply as the frame protocol has it."""
    return len(output).to_bytes(4, "big") + output


def read(connection: socket.socket) -> bytes:
    """The request that a hook sent."""
    length = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")
    return connection.recv(length, socket.MSG_WAITALL)


def replying(raw: bytes) -> Behaviour:
    """Send these bytes, whatever is asked, and end."""

    def behave(connection: socket.socket) -> None:
        read(connection)
        connection.sendall(raw)

    return behave


class FakeDaemon:
    """Listens at `path` as long as it is entered, and treats each connection as told."""

    def __init__(self, path: Path, behave: Behaviour) -> None:
        self.asked = threading.Event()
        """Set once somebody connected."""
        self.ended = threading.Event()
        """Set at the end; what waits for ever waits for this."""
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._behave = behave
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.asked.set()
            with connection, suppress(OSError):
                self._behave(connection)
