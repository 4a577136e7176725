"""The lock of one cluster: held as long as any process of its Postgres lives, or somebody is starting it.

A starter takes the exclusive flock and lets Postgres inherit the descriptor (see ``watchdog.py``), then
closes its own copy. An flock belongs to the open file, not to a process, so it stays taken until the
postmaster and its last backend are gone. That makes three questions one: may I start, is it running, is it
entirely gone. A starter that dies half-way frees it. Services in different containers with one mounted data
folder are kept apart too.
"""

import fcntl
import os
from pathlib import Path


def try_lock(path: Path) -> int | None:
    """Take the lock, without waiting.

    Returns: An open descriptor that holds the lock until it and all inherited copies are closed; None when
    it is taken.

    Raises:
        OSError: the lock file cannot be made or opened.
    """
    return _flock(path, os.O_CREAT, fcntl.LOCK_EX)


def is_free(path: Path) -> bool:
    """Whether no process of the cluster lives and nobody is starting it.

    The look takes a shared lock for an instant, so that two lookers never see each other; a starter that
    meets it tries again a moment later.
    """
    try:
        descriptor = _flock(path, 0, fcntl.LOCK_SH)
    except FileNotFoundError:
        return True
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def _flock(path: Path, creating: int, kind: int) -> int | None:
    descriptor = os.open(path, os.O_RDWR | creating | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
