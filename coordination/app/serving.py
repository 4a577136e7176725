"""Serving a port from this process: the application behind uvicorn, from its first request to its last.

It is given a socket that listens, and takes neither ports nor locks nor Postgres. Where that comes from is in `server`
for the one process of an ordinary service, in `worker` for one of several.

End. No new connections, waiting calls are told to retry and streams that they end, running calls finish for as long as
`stop_seconds` says, background work writes what it has.
"""

import contextlib
import gc
import ipaddress
import os
import socket
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final

import structlog

from coordination import __version__
from coordination.app import logs
from coordination.app.port import BACKLOG
from coordination.app.stop import Stop
from coordination.embedded import EmbeddedPostgres
from coordination.settings import Settings
from coordination.transport.strangers import Strangers

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from coordination.metrics import Metrics

KEEP_ALIVE_SECONDS: Final = 75
"""Longer than clients keep an idle connection, so that none sends a call into one that we just closed."""
_log: Final = structlog.stdlib.get_logger(__name__)

Answers = Callable[[bool], None]
"""Called once the service answers, with whether calls can be answered already."""


def serve_here(
    settings: Settings,
    listener: socket.socket,
    postgres: EmbeddedPostgres | None,
    stop: Stop,
    on_ready: Answers,
    on_started: Callable[[Callable[[], None]], None] | None = None,
) -> None:
    """Serve a port until `stop` is told to. Call it in the main thread.

    Args:
        settings: what the service was told.
        listener: the port.
        postgres: the embedded Postgres, None with a database of one's own.
        stop: whose signals count.
        on_ready: called once it answers; when calls cannot be answered, because the database is away, it keeps trying.
        on_started: called in the event loop before that, with what begins the end beside signals.
    """
    import uvicorn  # noqa: PLC0415 - Postgres is started first; these take more than a second

    from coordination.app.application import create  # noqa: PLC0415 - as above
    from coordination.transport import web_socket_protocol  # noqa: PLC0415 - as above

    app = create(settings, postgres=postgres)
    logs.reclaim()
    config = uvicorn.Config(
        app,
        http=_protocol(settings, app.state.metrics),
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.stop_seconds,
        **web_socket_protocol.OPTIONS,
    )
    _server_of(config, app, stop, on_ready, on_started).run([listener])


# Any: uvicorn names its protocols by a Literal or takes a class, and its hints know only the former.
def _protocol(settings: Settings, metrics: "Metrics") -> Any:
    """What is spoken on a connection: in local mode with this machine's users only, where the system can tell."""
    from coordination.transport import bounds, peer  # noqa: PLC0415 - as in `serve_here`

    def count(code: str) -> None:
        metrics.refusals.labels(code).inc()

    class Protocol(bounds.BoundedProtocol):
        door = bounds.Door(
            most_of_address=settings.address_requests if settings.is_hosted else None,
            proxies=tuple(ipaddress.ip_network(proxy) for proxy in settings.trusted_proxies),
            on_refused=count,
        )

    if settings.is_hosted or not peer.can_check():
        return Protocol
    strangers = Strangers()

    def refused(uid: int | None) -> None:
        strangers.refused(uid)
        count("foreign_user")

    return peer.peer_checked(peer.trusted_uids(), refused, Protocol)


def _server_of(
    config: "uvicorn.Config",
    app: "FastAPI",
    stop: Stop,
    on_ready: Answers,
    on_started: Callable[[Callable[[], None]], None] | None,
) -> "uvicorn.Server":
    import uvicorn  # noqa: PLC0415 - as in `serve_here`

    class Server(uvicorn.Server):
        """uvicorn's server with our signals, and our word when it is ready."""

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            stop.meets(self._begin_stop)
            if on_started is not None:
                on_started(self._begin_stop)
            await super().startup(sockets)
            # What lives now lives on; collecting it again and again is what made slow calls slow.
            gc.collect()
            gc.freeze()
            gc.set_threshold(5000, 20, 1000)
            _log.info("service_ready", version=__version__, pid=os.getpid())
            on_ready(app.state.schema.fits.is_set())

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            _log.info("service_stops")
            await super().shutdown(sockets)

        def _begin_stop(self) -> None:
            self.should_exit = True
            app.state.core.stop_waiting()

    return Server(config)
