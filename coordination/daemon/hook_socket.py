"""The daemon's end of the socket: takes the calls of hooks, has them answered, and knows what arrived.

The socket lies in a 0700 folder of ours, where its path is short enough in the daemon's own; only processes of our own
user are listened to. Whoever holds the lock beside it is the daemon, so a socket that a dead one left is replaced, and
one of a living daemon is left alone, without a moment in which two think that they are it. At most 50 calls are
answered at once; others wait in the kernel's queue, none is dropped. A hook waits for less than two seconds, so nothing
here takes longer: neither reading nor answering nor the receipt. A call that fails gets no answer at all: the hook then
says so in its own words (`clients/claude_code/hooks/hook.py`), which is never "all clear".
"""

import asyncio
import fcntl
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import structlog

from coordination.daemon.frames import LENGTH, RECEIPT, BadFrame, length_of, reply
from coordination.daemon.hook_call import HookCall, Reply, parse
from coordination.daemon.peer import peer_of
from coordination.daemon.socket_path import socket_path
from coordination.embedded.private_folder import make

AT_ONCE: Final = 50
SECONDS: Final = 2.0
"""For reading a request, for answering it, and for the receipt, each."""
LOOK_SECONDS: Final = 5.0
"""How often it is looked whether the socket is there."""
PAUSE: Final = 0.1
"""Seconds until it is tried again to take a call."""
WAITING: Final = 512
"""How many may wait to be taken; the system may allow fewer."""

Answer = Callable[[HookCall], Awaitable[Reply]]

_log = structlog.stdlib.get_logger(__name__)


class SocketTaken(Exception):
    """Another daemon of this user listens here already; the message names its socket."""


class HookSocket:
    """Listens for hooks as long as it is entered.

    Attributes:
        path: where the socket is.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        """Listen at `path`, or in a short folder that stands for its own, and let `answer` say what hooks print."""
        self._made: os.stat_result
        self.path = socket_path(path)
        self._wanted = path
        self._answer = answer
        self._lock = -1
        self._accepting: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Self:
        """Begin to listen.

        Raises:
            SocketTaken: a daemon listens here.
            private_folder.NotPrivate: the folder is not ours alone.
            OSError: the socket cannot be made.
        """
        self._wanted.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in {self._wanted.parent, self.path.parent}:
            make(folder, os.geteuid())
        self._lock = _lock(self._wanted)
        try:
            listener = _listen(self.path)
            self._made = self.path.lstat()
        except BaseException:
            os.close(self._lock)
            raise
        self._accepting = asyncio.create_task(self._accept(listener))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop to listen, and end when the calls that were taken are answered."""
        if self._is_there():
            self.path.unlink(missing_ok=True)
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
        # Each ends by itself: nothing here waits for longer than SECONDS.
        await asyncio.gather(*self._calls, return_exceptions=True)
        if self.path.parent != self._wanted.parent:
            with suppress(OSError):
                # Somebody removed it, or another daemon has it.
                self.path.parent.rmdir()
        os.close(self._lock)

    async def gone(self) -> None:
        """Return when the socket is not there any more: nobody can ask then, and another daemon may have its place."""
        # A file system tells nobody here that something is gone.
        while self._is_there():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(self.path.lstat(), self._made)
        except OSError:
            return False

    async def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                await self._free.acquire()
                try:
                    connection, _ = await asyncio.get_running_loop().sock_accept(listener)
                except OSError as error:
                    # Out of descriptors, say. Those who wait go on to wait.
                    self._free.release()
                    _log.warning("hooks_not_taken", error=str(error))
                    await asyncio.sleep(PAUSE)
                    continue
                call = asyncio.create_task(self._serve(connection))
                self._calls.add(call)
                call.add_done_callback(self._served)

    def _served(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._free.release()

    async def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                await self._talk(connection)
            except BadFrame as error:
                _log.warning("hook_request_refused", error=str(error))
            except (OSError, EOFError) as error:
                # A hook that was ended, or that had no time left: it has answered by itself.
                _log.debug("hook_gone", error=str(error) or type(error).__name__)
            except Exception:
                _log.exception("hook_not_answered")

    async def _talk(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        peer = peer_of(connection)
        if peer.uid != os.geteuid():
            _log.warning("hook_of_foreign_user_refused", uid=peer.uid)
            return
        async with asyncio.timeout(SECONDS):
            length = length_of(await _receive(connection, LENGTH))
            request = await _receive(connection, length)
        call = parse(request, peer.pid)
        answer = await self._answered(call)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(SECONDS):
            await loop.sock_sendall(connection, reply(answer.output))
            received = await _receive(connection, len(RECEIPT))
        if received == RECEIPT and answer.delivered is not None:
            answer.delivered()

    async def _answered(self, call: HookCall) -> Reply:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._answer(call)
        except OSError as error:
            # Of what the answer needs, not of the hook's connection.
            raise RuntimeError(f"no answer to {call.event}") from error


async def _receive(connection: socket.socket, length: int) -> bytes:
    """Exactly so many bytes.

    Raises:
        EOFError: it ended before.
    """
    loop = asyncio.get_running_loop()
    received = bytearray()
    while len(received) < length:
        part = await loop.sock_recv(connection, min(length - len(received), 1 << 18))
        if not part:
            raise EOFError
        received += part
    return bytes(received)


def _lock(path: Path) -> int:
    """Take the lock of the socket that is wanted at `path`, until its descriptor is closed."""
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SocketTaken(f"a daemon listens at {socket_path(path)} already") from None
    return descriptor


def _listen(path: Path) -> socket.socket:
    """Listen at `path`, in place of what a dead daemon left there; we hold its lock."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(WAITING)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
