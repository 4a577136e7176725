"""The first program in every child: it gives up root, ties Postgres to the life of the service, then runs it.

It is started as a script of its own (``python -I -S watchdog.py PLAN``), because everything it does has to
happen between fork and exec, where a service with threads must not run Python. It imports the standard
library alone and knows nothing of the rest of the package.

No orphan. Postgres must go when the service goes, however it goes; SIGKILL leaves the service no last word.

- Guard ``signal`` (Linux): the kernel sends SIGINT, which Postgres takes as "fast shutdown", when the
  *thread* that started this child ends. Hence the launcher uses it from the main thread only. Changing the
  uid clears the setting, so it is made after that; exec keeps it. Should the parent have died before the
  setting was made, getppid() is no longer the parent and the child ends.
- Guard ``pipe`` (everywhere else): this program stays, as the parent of Postgres, and reads a pipe whose
  other end only the service holds. End of file is the death of the service. As the parent it cannot signal
  a reused pid. It holds no lock and no secret, and ends when Postgres has ended.

The lock. The service holds an exclusive flock on a file in its data folder and passes that descriptor
through here into Postgres, where every backend inherits it. So the lock is free exactly when no process of
this cluster is left, and no pid, which may be reused or belong to another container, has to be trusted. See
``lock.py``.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time
from types import FrameType
from typing import NotRequired, TypedDict

PR_SET_PDEATHSIG = 1
CANNOT_RUN = 127
"""Exit status when the command could not be executed at all (the shell's number for it)."""
PATIENCE: tuple[tuple[signal.Signals, float], ...] = (
    (signal.SIGINT, 10.0),
    (signal.SIGQUIT, 8.0),
    (signal.SIGKILL, 5.0),
)
"""How Postgres is asked to end, and how many seconds each way gets: fast shutdown, immediate shutdown (in
which Postgres itself kills, after five seconds, who does not follow), the axe."""


class Plan(TypedDict):
    """What the child shall do, as JSON in its first argument."""

    guard: str  # "signal" or "pipe"
    parent: int  # pid of the service
    folder: str  # working folder of the command, entered before root is given up
    command: list[str]
    lock: NotRequired[int]  # descriptor that the command inherits
    pipe: int  # guard "pipe": descriptor whose end of file means that the service is gone
    uid: NotRequired[int]  # absent: stay who we are
    gid: NotRequired[int]


def main() -> int:
    """Carry out the plan. Returns only in guard ``pipe`` or when the command cannot be run."""
    plan: Plan = json.loads(sys.argv[1])
    os.umask(0o077)
    os.chdir(plan["folder"])
    drop_privileges(plan)
    if plan["guard"] == "pipe":
        return supervise(plan)
    die_with_parent(plan["parent"])
    return execute(plan["command"])


def drop_privileges(plan: Plan) -> None:
    """Become the planned user for good, with no other groups."""
    if "uid" in plan and "gid" in plan:
        os.setgroups([])
        os.setgid(plan["gid"])
        os.setuid(plan["uid"])


def die_with_parent(parent: int) -> None:
    """Have the kernel send us SIGINT when the starting thread of `parent` ends; end now if it already has."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("the service ended before Postgres was started")


def execute(command: list[str]) -> int:
    """Replace this program by `command`; the return value tells that this was not possible."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execv(command[0], command)  # noqa: S606 - the command is the launcher's, not anybody's input
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return CANNOT_RUN


def supervise(plan: Plan) -> int:
    """Run the command as our child until it ends, or until the pipe says that the service is gone."""
    pipe = plan["pipe"]
    os.set_inheritable(pipe, False)
    wake_up, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os._exit(execute(plan["command"]))
    if "lock" in plan:
        os.close(plan["lock"])
    status = watch(child, pipe, wake_up)
    return end(child) if status is None else status


def note(_number: int, _frame: FrameType | None) -> None:
    """Take a signal without dying of it; its number arrives through the wake-up pipe."""


def watch(child: int, pipe: int, wake_up: int) -> int | None:
    """Wait for the end of `child` (returns its exit code) or a reason to end it (returns None)."""
    while True:
        readable, _, _ = select.select([pipe, wake_up], [], [])
        status = reap(child)
        if status is not None:
            return status
        signals = os.read(wake_up, 64) if wake_up in readable else b""
        if pipe in readable or any(number != signal.SIGCHLD for number in signals):
            return None


def end(child: int) -> int:
    """Stop `child`, politely first, and return its exit code."""
    for number, seconds in PATIENCE:
        os.kill(child, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = reap(child)
            if status is not None:
                return status
            time.sleep(0.01)
    return CANNOT_RUN


def reap(child: int) -> int | None:
    """The exit code of `child` if it has ended, in the shell's numbering, else None."""
    ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
