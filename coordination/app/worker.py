"""`python -m coordination.app.worker FD` serves a port that another process holds: one of several, see `workers`.

The parent passes the listening socket as a descriptor and the settings through standard input, which it keeps open: its
end is the parent's end, after which nobody would stop this process, so it stops by itself. A word on standard output
says that it answers. Postgres is the parent's, and so is the rotation of the log file.
"""

import asyncio
import contextlib
import pickle
import socket
import sys
from collections.abc import Callable

from coordination.app import logs
from coordination.app.serving import serve_here
from coordination.app.stop import Stop
from coordination.embedded import EmbeddedPostgres
from coordination.settings import Settings

READY = b"ready\n"
WAITING = b"waiting\n"
"""It answers, and its database is away yet."""


class ParentsPostgres(EmbeddedPostgres):
    """The Postgres that the parent starts, keeps alive and stops: here it is only connected to."""

    def start(self) -> str:
        """Return the DSN."""
        return self.dsn

    async def keep_alive(self, interval: float = 0.25) -> None:
        """Leave that to the parent."""

    def stop(self) -> None:
        """Leave that to the parent."""


def main() -> int:
    """Serve until told to stop, and return the exit code."""
    stop = Stop()
    stop.watch()
    listener = socket.socket(fileno=int(sys.argv[1]))
    listener.setblocking(False)
    settings: Settings = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by our parent, into a pipe of its own
    logs.configure(form=settings.log_format, level=settings.log_level, file=settings.log_file, rotates=False)
    postgres = ParentsPostgres(settings.data_dir) if settings.dsn is None else None
    serve_here(settings, listener, postgres, stop, _say, _watch_parent)
    return 0


def _say(ready: bool) -> None:
    with contextlib.suppress(OSError):  # a parent that is gone hears nothing
        sys.stdout.buffer.write(READY if ready else WAITING)
        sys.stdout.buffer.flush()


def _watch_parent(begin_stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()

    def on_end() -> None:
        loop.remove_reader(sys.stdin)
        begin_stop()

    loop.add_reader(sys.stdin, on_end)


if __name__ == "__main__":
    sys.exit(main())
