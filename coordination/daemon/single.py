"""One daemon for each folder: who comes second is told who runs, and ends.

The lock belongs to the open file, so it goes with the process, however that ends; nothing has to be cleaned up. The
record beside it is only for telling: it may be missing for a moment while a daemon begins.

Between the start of its process and its lock a daemon cannot be seen. So who starts one shares a second lock until it
runs; who removes the folder takes both first, and then neither runs a daemon nor begins one.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
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
        if is_at(held, folder.lock):
            # Else the folder was removed, and what is there now is another daemon's.
            folder.forget()
        os.close(held)


class BeingRemoved(Exception):
    """Somebody removes the folder in which a daemon is to be started."""

    def __init__(self) -> None:
        super().__init__("The daemon's folder is being removed.")


@contextmanager
def starting(folder: Folder) -> Generator[None]:
    """Let those who would remove a folder know that a daemon is being started in it, for the block.

    Args:
        folder: one that is prepared.

    Raises:
        BeingRemoved: somebody removes it.
        OSError: the lock cannot be made.
    """
    shared = os.open(folder.starting, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _share(shared)
        if not is_at(shared, folder.starting):
            raise BeingRemoved
        yield
    finally:
        os.close(shared)


@contextmanager
def nobody(folder: Folder) -> Generator[bool]:
    """Keep daemons from a folder for the block, in which it may be removed.

    Yields:
        Whether that is so: no daemon runs there, and none is being started.

    Raises:
        OSError: a lock cannot be made.
    """
    locks: list[int] = []
    try:
        for path in (folder.starting, folder.lock):
            held = try_lock(path)
            if held is None:
                break
            locks.append(held)
        else:
            yield True
            return
        yield False
    finally:
        for held in locks:
            os.close(held)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one that is at a path now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _share(descriptor: int) -> None:
    """Share a lock; who only looks whether somebody shares it has it for an instant, so it is tried more than once."""
    for _ in range(TRIES):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE_SECONDS)
    raise BeingRemoved


def _try(folder: Folder) -> int | None:
    """Take the lock; who only looks at it (`is_taken`) has it for an instant, so it is tried more than once."""
    for _ in range(TRIES):
        held = try_lock(folder.lock)
        if held is not None or folder.find() is not None:
            return held
        time.sleep(PAUSE_SECONDS)
    return None
