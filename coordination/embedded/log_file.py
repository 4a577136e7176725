"""The log of Postgres: one file that it appends to, cut by us when it has grown.

There is no logging collector: it is one more program in memory, and it could not write into a data folder
that its user cannot reach. Postgres inherits the open file instead. As it appends, the file may be cut
while it writes; lines of that instant may be lost, which a log can bear.
"""

import os
import shutil
from pathlib import Path
from typing import IO

MAX_BYTES = 8 * 1024 * 1024
TAIL_BYTES = 16 * 1024


class LogFile:
    """``postgres.log`` in the data folder's ``logs``, with one older file beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = 0

    def open(self) -> IO[bytes]:
        """Open it for a new server, and remember where that server's lines begin.

        Raises:
            OSError: it cannot be made or written.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.cut()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        self._start = os.fstat(descriptor).st_size
        return os.fdopen(descriptor, "ab", buffering=0)

    def cut(self) -> None:
        """Move the content to ``postgres.log.1`` when it is over 8 MB.

        Raises:
            OSError: the disk is full or the folder is gone.
        """
        if self.path.exists() and self.path.stat().st_size > MAX_BYTES:
            shutil.copyfile(self.path, self.path.with_suffix(".log.1"))
            os.truncate(self.path, 0)
            self._start = 0

    def since_start(self) -> str:
        """What the server that was started last has written, at most its last 16 KB."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(min(self._start, size), size - TAIL_BYTES))
                return file.read().decode(errors="replace")
        except OSError:
            return ""
