"""Start a program of Postgres under guard: as the right user, in the cluster's folder, ended with the
service.

The work between fork and exec is done by ``watchdog.py``; this module writes its plan and holds the other
ends.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from coordination.embedded.account import Account

SCRIPT = Path(__file__).with_name("watchdog.py")
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC"}
"""All that Postgres gets: none of the caller's PG* variables, and no secret of the service."""

Guard = Literal["signal", "pipe"]


def choose_guard(wanted: Literal["auto", "signal", "pipe"]) -> Guard:
    """The guard for a child that is started now, from this thread.

    The death signal exists on Linux only, and comes when the *thread* that started the child ends; so any
    other thread than the main one gets the pipe.

    Raises:
        RuntimeError: ``signal`` was demanded where it cannot work.
    """
    possible = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    if wanted == "signal" and not possible:
        raise RuntimeError("the death signal needs Linux and the main thread")
    return "signal" if possible and wanted != "pipe" else "pipe"


@dataclass
class Child:
    """A running program under guard."""

    program: subprocess.Popen[bytes]
    guard: Guard
    _pipe: int | None = field(default=None, repr=False)

    def poll(self) -> int | None:
        """Its exit status, or None while it runs. With guard ``pipe`` that is the watchdog's."""
        return self.program.poll()

    def stop(self, patience: tuple[tuple[signal.Signals, float], ...]) -> int | None:
        """End it and wait for that: each signal in turn, with so many seconds to work. Returns its exit status."""
        self.let_go()
        if self.guard == "pipe":  # the watchdog does the same; one wait, a little longer than its own
            patience = ((signal.SIGTERM, sum(seconds for _, seconds in patience) + 2.0),)
        for number, seconds in patience:
            self.program.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                return self.program.wait(seconds)
        return None

    def interrupt(self) -> None:
        """Ask for its end, and do not wait."""
        self.let_go()
        if self.guard == "signal":
            self.program.send_signal(signal.SIGINT)

    def let_go(self) -> None:
        """Close the pipe, which ends a child that is guarded by it."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


@dataclass(frozen=True)
class Place:
    """Where and as whom programs of one cluster run."""

    folder: Path
    account: Account | None

    @property
    def pgdata(self) -> str:
        """What to tell Postgres as its data folder; see ``account.py``."""
        return "/proc/self/cwd" if self.account and sys.platform == "linux" else str(self.folder)


def spawn(
    command: list[str],
    place: Place,
    *,
    guard: Guard,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes],
    lock: int | None = None,
) -> Child:
    """Start `command` in `place` under `guard`; its errors go where its output goes.

    It gets a session of its own, so that Ctrl-C in the terminal reaches the service alone.

    Args:
        lock: descriptor of the cluster's lock, to be inherited.

    Raises:
        OSError: no child could be made.
    """
    plan: dict[str, object] = {
        "guard": guard,
        "parent": os.getpid(),
        "folder": str(place.folder),
        "command": command,
    }
    if place.account:
        plan |= {"uid": place.account.uid, "gid": place.account.gid}
    passed: list[int] = []
    if lock is not None:
        plan["lock"] = lock
        passed.append(lock)
    theirs, ours = os.pipe() if guard == "pipe" else (None, None)
    if theirs is not None:
        plan["pipe"] = theirs
        passed.append(theirs)
    try:
        program = subprocess.Popen(  # noqa: S603 - our own script with our own plan
            [sys.executable, "-I", "-S", str(SCRIPT), json.dumps(plan)],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
            cwd="/",
            pass_fds=passed,
            start_new_session=True,
        )
    except BaseException:
        if ours is not None:
            os.close(ours)
        raise
    finally:
        if theirs is not None:
            os.close(theirs)
    return Child(program, guard, ours)
