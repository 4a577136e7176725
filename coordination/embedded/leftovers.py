"""End backends that outlived their postmaster. They end by themselves, unless they are stopped or busy.

When somebody kills the postmaster with SIGKILL, its backends notice and go at once; one that was stopped
(SIGSTOP) or computes would keep the cluster's lock and so keep everybody from starting again. They are
known by their working folder, which for every process of Postgres is the cluster.
"""

import os
from contextlib import suppress
from pathlib import Path

import psutil


def postmaster_runs(pid: int) -> bool:
    """Whether `pid` is a living process; one that only waits to be reaped is not."""
    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def end_leftovers(folder: Path) -> int:
    """Kill every process of Postgres that works in the cluster `folder`, and return how many these were.

    Only when its postmaster is known to be dead: the next start recovers what was committed.
    """
    wanted = os.path.realpath(folder)
    ended = 0
    for running in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if running.name() == "postgres" and running.cwd() == wanted:
                running.kill()
                ended += 1
    return ended
