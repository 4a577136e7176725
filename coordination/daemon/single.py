"""One daemon for each folder: who comes second is told who runs, and ends.

The lock belongs to the open file, so it goes with the process, however that ends; nothing has to be cleaned up. The
record beside it is only for telling: it may be missing for a moment while a daemon begins.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager

from coordination.daemon.folder import Folder, RunningDaemon
from coordination.embedded.lock import try_lock


class AlreadyRunning(Exception):
    """A daemon has the folder.

    Attributes:
        daemon: which one, None while it has not said so yet.
    """

    def __init__(self, daemon: RunningDaemon | None) -> None:
        who = "and is just starting" if daemon is None else f"process {daemon.pid}"
        super().__init__(f"The daemon runs already, {who}.")
        self.daemon = daemon


@contextmanager
def only_one(folder: Folder) -> Generator[None]:
    """Be the daemon of a folder for the block.

    Args:
        folder: one that is prepared.

    Raises:
        AlreadyRunning: another process is.
        OSError: the lock cannot be made.
    """
    held = try_lock(folder.lock)
    if held is None:
        raise AlreadyRunning(folder.find())
    try:
        yield
    finally:
        folder.forget()
        os.close(held)
