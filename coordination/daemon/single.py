"""One daemon for each folder: who comes second is told who runs, and ends.

The lock belongs to the open file, so it goes with the process, however that ends; nothing has to be cleaned up. The
record beside it is only for telling: it may be missing for a moment while a daemon begins.
"""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from coordination.daemon.folder import Folder, RunningDaemon
from coordination.embedded.lock import is_free, try_lock

TRIES: Final = 10
PAUSE_SECONDS: Final = 0.02


class AlreadyRunning(Exception):
    """A daemon has the folder.

    Attributes:
        daemon: which one, None while it has not said so yet.
    """

    def __init__(self, daemon: RunningDaemon | None) -> None:
        who = "and is just starting" if daemon is None else f"process {daemon.pid}"
        super().__init__(f"The daemon runs already, {who}.")
        self.daemon = daemon


def is_taken(folder: Folder) -> bool:
    """Whether some process is the daemon of a folder, if only just now: it may not have said so yet.

    Raises:
        OSError: the lock cannot be looked at.
    """
    return not is_free(folder.lock)


@contextmanager
def only_one(folder: Folder) -> Generator[None]:
    """Be the daemon of a folder for the block.

    Args:
        folder: one that is prepared.

    Raises:
        AlreadyRunning: another process is.
        OSError: the lock cannot be made.
    """
    held = _try(folder)
    if held is None:
        raise AlreadyRunning(folder.find())
    try:
        yield
    finally:
        folder.forget()
        os.close(held)


def _try(folder: Folder) -> int | None:
    """Take the lock; who only looks at it (`is_taken`) has it for an instant, so it is tried more than once."""
    for _ in range(TRIES):
        held = try_lock(folder.lock)
        if held is not None or folder.find() is not None:
            return held
        time.sleep(PAUSE_SECONDS)
    return None
