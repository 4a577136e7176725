"""See to a server that holds the cluster's lock, is not ready, and would never be by itself.

Mostly such a server starts or stops, and one only has to wait. These are the exceptions:

- *headless*: the postmaster was killed. Its backends notice and end, but not one that is stopped (SIGSTOP) or computes.
- *stopping*: it was asked to end and does not, because a backend is stopped. An immediate shutdown ends that too:
  Postgres itself kills backends that do not follow. The next start recovers what was committed.
- *unreachable*: somebody removed its socket; no new connection can be made.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from coordination.embedded.cluster import Postmaster

HEADLESS_SECONDS = 1.0
STOPPING_SECONDS = 10.0


class Obstacles:
    """Watches how long a server of the cluster `folder` has been in the way, and acts when that is too long."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = ""
        self._since = 0.0

    def forget(self) -> None:
        """All is well again."""
        self._seen = ""

    def look(self, found: Postmaster, socket: Path) -> None:
        """Act on the server that says `found`, if it is time to."""
        state = _state(found, socket)
        now = time.monotonic()
        if state != self._seen:
            self._seen, self._since = state, now
        waited = now - self._since
        if state == "headless" and waited > HEADLESS_SECONDS:
            self.forget()
            end_leftovers(self._folder)
        elif state == "stopping" and waited > STOPPING_SECONDS:
            self.forget()
            ask(found.pid, signal.SIGQUIT)
        elif state == "unreachable":
            ask(found.pid, signal.SIGINT)


def _state(found: Postmaster, socket: Path) -> str:
    if not postmaster_runs(found.pid):
        return "headless"
    if found.status == "ready" and not socket.exists():
        return "unreachable"
    return found.status


def postmaster_runs(pid: int) -> bool:
    """Whether `pid` is a living process; one that only waits to be reaped is not."""
    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def session_of(pid: int) -> int | None:
    """The session of a living postmaster, which is named after the first program in it: the launcher's child."""
    with suppress(ProcessLookupError):
        return os.getsid(pid)
    return None


def ask(pid: int, how: signal.Signals) -> None:
    """Ask a postmaster to shut down: SIGINT is fast, SIGQUIT immediate."""
    with suppress(ProcessLookupError):
        os.kill(pid, how)


def end_leftovers(folder: Path) -> None:
    """Kill every process of Postgres that works in the cluster `folder`; they are known by that working folder.

    Only when its postmaster is known to be dead.
    """
    wanted = os.path.realpath(folder)
    for running in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if running.name() == "postgres" and running.cwd() == wanted:
                running.kill()
