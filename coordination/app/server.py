"""Running the service: port, logs, database, application, signals, and the end of all that.

Order. The port is taken first, so that a second service ends before it touches anything; connections queue until the
application serves them. Then Postgres is started, from the main thread, because its life is bound to that thread; the
large imports come after, while it gets ready. Several processes that serve one port are a matter of `workers`; all
else stays with this process: the port, Postgres, the record by which commands find the service, the signals.

End. SIGTERM, SIGHUP and Ctrl-C stop it cleanly: no new connections, waiting calls are told to retry, running ones
finish, background work writes what it has, Postgres stops last, exit code 0. Another Ctrl-C ends the process at once;
Postgres then ends by itself, as after SIGKILL, and nothing that was acknowledged is lost.
"""

import ipaddress
import os
import socket
import time
from collections.abc import Callable
from typing import Final

from coordination import __version__
from coordination.app import local_token, logs, running
from coordination.app.port import listen
from coordination.app.running import RunningService
from coordination.app.serving import serve_here
from coordination.app.stop import Stop
from coordination.app.workers import supervise
from coordination.embedded import EmbeddedPostgres
from coordination.settings import Settings

_LOOPBACK: Final = {4: "127.0.0.1", 6: "::1"}

Ready = Callable[[RunningService, bool], None]


def serve(settings: Settings, *, on_ready: Ready) -> None:
    """Run the service until it is told to stop. Call it in the main thread.

    Args:
        settings: what it was told.
        on_ready: called once it answers, with its record and whether calls can be answered already; when they
            cannot, because the database is away, it keeps trying.

    Raises:
        PortUnavailable: the port cannot be taken.
        PostgresUnavailable: the embedded Postgres cannot be had here.
        WorkersFailed: none of several processes could serve.
        OSError: the log or the data folder cannot be written.
    """
    stop = Stop()
    stop.watch()
    listener = listen(settings.host, settings.port)
    logs.configure(form=settings.log_format, level=settings.log_level, file=settings.log_file)
    postgres = EmbeddedPostgres(settings.data_dir) if settings.dsn is None else None
    several = settings.workers > 1
    try:
        record = _record(settings, listener)
        running.record(settings.data_dir, record)
        if postgres is not None:
            postgres.start()
        serve_port = supervise if several else serve_here
        serve_port(settings, listener, postgres, stop, lambda ready: on_ready(record, ready))
    finally:
        listener.close()
        if postgres is not None:
            postgres.stop()
        running.forget(settings.data_dir, os.getpid())


def _record(settings: Settings, listener: socket.socket) -> RunningService:
    port: int = listener.getsockname()[1]
    host = _reached_at(settings.host)
    return RunningService(
        pid=os.getpid(),
        started=running.started_at(os.getpid()) or time.time(),
        url=f"http://{f'[{host}]' if ':' in host else host}:{port}{settings.root_path}",
        port=port,
        database=settings.database_name,
        log=None if settings.log_file is None else str(settings.log_file),
        needs_token=local_token.is_needed(settings),
        version=__version__,
        workers=settings.workers,
        stop_seconds=settings.stop_seconds,
        hosted=settings.is_hosted,
        public_url=None if settings.public_url is None else f"{settings.public_url}{settings.root_path}",
    )


def _reached_at(host: str) -> str:
    """Where commands of this machine find a service that listens on `host`: loopback, when it listens everywhere."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return _LOOPBACK[address.version] if address.is_unspecified else host
