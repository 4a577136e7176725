"""Running the service in this process: port, logs, database, application, signals, and the end of all that.

Order. The port is taken first, so that a second service ends before it touches anything; connections queue until the
application serves them. Then Postgres is started, from the main thread, because its life is bound to that thread; the
large imports come after, while it gets ready.

End. SIGTERM, SIGHUP and Ctrl-C stop it cleanly: no new connections, waiting calls are told to retry, running ones
finish, background work writes what it has, Postgres stops last, exit code 0. Another Ctrl-C ends the process at once;
Postgres then ends by itself, as after SIGKILL, and nothing that was acknowledged is lost.
"""

import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final

import structlog

from coordination import __version__
from coordination.app import local_token, logs, running
from coordination.app.port import BACKLOG, listen
from coordination.app.running import RunningService
from coordination.app.strangers import Strangers
from coordination.embedded import EmbeddedPostgres
from coordination.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

STOP_SECONDS: Final = 5
"""How long running calls may take to finish once the service stops."""
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than clients keep an idle connection, so that none sends a call into one that we just closed."""
INTERRUPTED: Final = 130
_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_log: Final = structlog.stdlib.get_logger(__name__)

Ready = Callable[[RunningService, bool], None]


class _Stop:
    """Turns signals into one clean end, and a Ctrl-C during it into an immediate one."""

    def __init__(self) -> None:
        self._asked = False
        self._begin: Callable[[], None] | None = None

    def watch(self) -> None:
        """Take the signals of this process; until `meets` is called they end it by SystemExit."""
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)

    def meets(self, begin: Callable[[], None]) -> None:
        """Have the first signal call `begin`, at once when it came already."""
        self._begin = begin
        if self._asked:
            begin()

    def _on_signal(self, number: int, _frame: object) -> None:
        if self._asked:
            if number == signal.SIGINT:
                os._exit(INTERRUPTED)
            return
        self._asked = True
        if self._begin is None:
            raise SystemExit(0)
        self._begin()


def serve(settings: Settings, *, on_ready: Ready) -> None:
    """Run the service until it is told to stop. Call it in the main thread.

    Args:
        settings: what it was told.
        on_ready: called once it answers, with its record and whether calls can be answered already; when they
            cannot, because the database is away, it keeps trying.

    Raises:
        PortUnavailable: the port cannot be taken.
        PostgresUnavailable: the embedded Postgres cannot be had here.
        OSError: the log or the data folder cannot be written.
    """
    stop = _Stop()
    stop.watch()
    listener = listen(settings.host, settings.port)
    logs.configure(form=settings.log_format, level=settings.log_level, file=settings.log_file)
    postgres = EmbeddedPostgres(settings.data_dir) if settings.dsn is None else None
    try:
        record = _record(settings, listener)
        running.record(settings.data_dir, record)
        if postgres is not None:
            postgres.start()
        _serve(settings, listener, postgres, stop, lambda ready: on_ready(record, ready))
    finally:
        listener.close()
        if postgres is not None:
            postgres.stop()
        running.forget(settings.data_dir, os.getpid())


def _serve(
    settings: Settings,
    listener: socket.socket,
    postgres: EmbeddedPostgres | None,
    stop: _Stop,
    on_ready: Callable[[bool], None],
) -> None:
    import uvicorn  # noqa: PLC0415 - Postgres is started first; these take more than a second

    from coordination.app.application import create  # noqa: PLC0415 - as above
    from coordination.transport import bounds, peer, web_socket_protocol  # noqa: PLC0415 - as above

    app = create(settings, postgres=postgres)
    logs.reclaim()
    checked = peer.can_check()
    # Any: uvicorn names its protocols by a Literal or takes a class, and its hints know only the former.
    protocol: Any = (
        peer.peer_checked(peer.trusted_uids(), Strangers().refused) if checked else bounds.BoundedProtocol
    )
    config = uvicorn.Config(
        app,
        http=protocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        **web_socket_protocol.OPTIONS,
    )
    server = _server_of(config, app, stop, on_ready)
    server.run([listener])


def _server_of(
    config: "uvicorn.Config", app: "FastAPI", stop: _Stop, on_ready: Callable[[bool], None]
) -> "uvicorn.Server":
    import uvicorn  # noqa: PLC0415 - as in `_serve`

    class Server(uvicorn.Server):
        """uvicorn's server with our signals, and our word when it is ready."""

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            stop.meets(self._begin_stop)
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


def _record(settings: Settings, listener: socket.socket) -> RunningService:
    port: int = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return RunningService(
        pid=os.getpid(),
        started=running.started_at(os.getpid()) or time.time(),
        url=f"http://{host}:{port}{settings.root_path}",
        port=port,
        database=settings.database_name,
        log=None if settings.log_file is None else str(settings.log_file),
        needs_token=local_token.is_needed(settings),
        version=__version__,
    )
