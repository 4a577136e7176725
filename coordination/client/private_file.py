"""Files that hold a secret of one person: nobody else may have put them there, or be able to read them.

A file that does not answer to that is refused and never mended by itself: what stands in it may be known to
others, or be theirs. What the secret is for is known to whoever keeps it here (`login_file`, `app.local_token`).
"""

import errno
import os
import secrets
import stat
from pathlib import Path
from typing import Final

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class UnusableFile(OSError):
    """A file that nobody should trust with a secret, or take one from; `why` completes "it ..."."""

    def __init__(self, path: Path, why: str, mend: str = "") -> None:
        super().__init__(errno.EPERM, f"it {why}.{' ' if mend else ''}{mend}", str(path))
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def read(path: Path, most: int) -> bytes | None:
    """Return what a private file holds, None when there is none or it may not be read; blank ones are not looked at.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        UnusableFile: it is no regular file, somebody else's, open to others, or too long.
    """
    try:
        # Without O_NONBLOCK the opening of a pipe would wait for somebody who writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnusableFile(path, "is a symbolic link") from None
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnusableFile(path, "is no regular file")
        content = os.read(descriptor, most + 1)
    finally:
        os.close(descriptor)
    if content.strip():
        # What is empty gives nothing away, and nobody can have put a secret of theirs there.
        _check(path, found, content, most)
    return content


def write(path: Path, content: bytes) -> None:
    """Put a private file there, whole or not at all, in place of what is there.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            # After a power cut an empty file would be worse than the one before.
            os.fsync(descriptor)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _check(path: Path, found: os.stat_result, content: bytes, most: int) -> None:
    if found.st_uid != os.geteuid() and os.geteuid() != 0:
        raise UnusableFile(path, "belongs to another user")
    if found.st_mode & _OTHERS:
        raise UnusableFile(path, "is open to other users, who may know it")
    if len(content) > most:
        raise UnusableFile(path, f"has more than {most} bytes")
