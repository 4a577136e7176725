"""The end of a log file, and what comes to it: also when the file is rotated or made anew meanwhile."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.2
_TAIL_BYTES: Final = 1_000_000


def last(path: Path, number: int) -> list[str]:
    """Return the last lines of a log, none when it is not there or cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return lines[-number:] if number else []


def follow(path: Path, number: int, ended: Callable[[], bool] = lambda: False) -> Iterator[str]:
    """Yield the last lines of a log, and then each that comes, for as long as nobody interrupts or it has `ended`.

    A line is yielded when it is whole. A file that takes the place of the one before is read from its beginning.
    """
    yield from last(path, number)
    reader = _Reader(path)
    while True:
        over = ended()
        yield from reader.lines()
        if over:
            return
        time.sleep(LOOK_SECONDS)


class _Reader:
    """Reads what comes to a file; it begins at the end of what is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        found = _stat(path)
        self._file = None if found is None else (found.st_dev, found.st_ino)
        self._read = 0 if found is None else found.st_size
        self._begun = b""

    def lines(self) -> list[str]:
        """The lines that are whole since the last call."""
        found = _stat(self._path)
        if found is None:
            return []
        if (found.st_dev, found.st_ino) != self._file or found.st_size < self._read:
            self._file, self._read, self._begun = (found.st_dev, found.st_ino), 0, b""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                came = file.read()
        except OSError:
            return []
        self._read += len(came)
        *whole, self._begun = (self._begun + came).split(b"\n")
        return [line.decode(errors="replace") for line in whole]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
