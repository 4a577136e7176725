"""The daemon's port on 127.0.0.1: taken, served, and done without where somebody else has it.

Another person's daemon, or any program, may have the port. Hooks come by the daemon's socket and work all the same;
the plugin's connection for tools, and the WebSocket, do not. So that is said, with who has the port, and the port is
taken as soon as it is free. What is served is put together in `http`.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from typing import Any, Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from coordination.daemon import web_socket
from coordination.transport import bounds, peer, web_socket_protocol
from coordination.transport.strangers import Strangers

AGAIN_SECONDS: Final = 15.0
"""How often a port that somebody else has is tried."""
KEEP_ALIVE_SECONDS: Final = 75
STOP_SECONDS: Final = 2

_log: Final = structlog.stdlib.get_logger(__name__)

Listen = Callable[[], socket.socket | str]
"""Takes the port: returns what listens on it, or in a sentence why it cannot be taken."""


class Port:
    """The port of the daemon.

    Args:
        listen: takes it.
        again_seconds: how often it is tried while somebody else has it.

    Attributes:
        number: the port that is served, None while none is.
        trouble: why none is, in a sentence; "" when it is served, or was not tried yet.
    """

    def __init__(self, listen: Listen, *, again_seconds: float = AGAIN_SECONDS) -> None:
        self.number: int | None = None
        self.trouble = ""
        self._listen = listen
        self._again_seconds = again_seconds
        self._settled = asyncio.Event()
        self._served = asyncio.Event()

    @property
    def line(self) -> str:
        """What to tell a person."""
        if self.number is not None:
            return f"Terminals and pages reach the daemon at http://127.0.0.1:{self.number}."
        if not self.trouble:
            return "The daemon's port is being taken."
        return (
            f"{self.trouble} Hooks protect files all the same; the tools of the plugin do not work. Stop that program, "
            "or choose another port: COORDINATION_DAEMON_PORT=8766 coord install"
        )

    async def settled(self) -> None:
        """Wait until the port is served, or cannot be for the time being."""
        await self._settled.wait()

    async def served(self) -> None:
        """Wait until the port is served."""
        await self._served.wait()

    async def serve(self, app: ASGIApp) -> None:
        """Serve an application until this is cancelled; running requests get a moment then."""
        listener = await self._take()
        # Answers are small, and must not wait for each other (Nagle); connections inherit this from the listener.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _Server(_config(app), self._on_started)
        serving = asyncio.create_task(server.serve([listener]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await serving
            self.number = None
            listener.close()

    async def _take(self) -> socket.socket:
        while isinstance(found := self._listen(), str):
            if found != self.trouble:
                _log.warning("daemon_port_taken", why=found)
            self.trouble = found
            self._settled.set()
            await asyncio.sleep(self._again_seconds)
        self.trouble = ""
        return found

    def _on_started(self, listener: socket.socket) -> None:
        number: int = listener.getsockname()[1]
        self.number = number
        self._settled.set()
        self._served.set()
        _log.info("daemon_port_served", port=number)


class _Server(uvicorn.Server):
    """uvicorn's server inside the daemon, which has the signals."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[socket.socket], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            self._on_started(listener)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_protocol(),
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        **web_socket_protocol.OPTIONS,
    )


# Any: uvicorn names its protocols by a Literal or takes a class, and its hints know only the former.
def _protocol() -> Any:
    """What is spoken on a connection: with this machine's user only, where the system can tell."""

    class Protocol(bounds.BoundedProtocol):
        web_socket_path = web_socket.PATH

    if not peer.can_check():
        return Protocol
    return peer.peer_checked(peer.trusted_uids(), Strangers().refused, Protocol)
