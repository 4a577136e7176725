"""Whether a file is still as its reader knows it: what was read or written last, compared with the disk.

A reader is one conversation, of a terminal or of a subagent in it. After `/clear` it is another one, that has read
nothing.

What counts is the content, so a file that was touched or written anew with the same bytes has not changed. Of a read,
the content from before it counts: if the file changed meanwhile nobody knows which of the two the agent saw, and then
it has to read again. Who never read a file knows nothing of it that could be wrong.

A file is known by its real path. Another hard link of it has another one: whoever knows of further names asks for
each. What an agent wrote is looked at after its edit: a change by somebody without a lease, in the milliseconds
between, is taken for its own.
"""

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.state import State
from coordination.daemon.state_file import StateUnusable

MOST_HASHED: Final = 50 * 1024 * 1024
"""Bytes of a file whose content is read; of a larger one size, time of change and inode count."""
_AT_ONCE: Final = 256 * 1024
"""Bytes that are read without a thread: that takes less time than the change to one and back."""
_CHUNK: Final = 1024 * 1024
_MOST_BEGUN: Final = 10_000
_ABSENT: Final = b"absent"

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Changed:
    """A file is not as its reader knows it.

    Attributes:
        by: the id of the agent that made it what it is; None when none of this machine did.
        at: when, in seconds since 1970: by then at the latest, when nobody knows.
    """

    by: str | None
    at: float


class Reads:
    """Follows what readers know of files.

    Args:
        state: where it is kept.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._begun: dict[tuple[str, str], bytes] = {}
        self._unkept: dict[tuple[str, str], bytes] = {}

    async def before_read(self, reader: str, real: Path) -> None:
        """Remember what a file is that is about to be read."""
        place = _place(real)
        digest = await _digest(place)
        if len(self._begun) >= _MOST_BEGUN:
            del self._begun[next(iter(self._begun))]
        self._begun[reader, place] = digest

    async def after_read(self, reader: str, real: Path) -> None:
        """Keep that a file was read.

        Several reads of one file at once are one: the content from before the last of them to begin counts.
        """
        place = _place(real)
        before = self._begun.get((reader, place))
        self._keep(reader, place, await _digest(place) if before is None else before)

    async def after_write(self, reader: str, real: Path, by: LocalAgent | None) -> None:
        """Keep that a file was written, or removed: its reader knows it as it is now.

        Args:
            reader: whose edit it was.
            real: the file.
            by: which agent that is, for whoever else knows the file; None when it is none yet.
        """
        place = _place(real)
        digest = await _digest(place)
        self._begun.pop((reader, place), None)
        self._keep(reader, place, digest)
        if by is not None:
            # Without it the change is nobody's whom we know, but a change it is.
            with _logged():
                self._state.keep_write(by, place, digest)

    def _keep(self, reader: str, place: str, digest: bytes) -> None:
        """Keep as what a reader knows a file; as long as we live at least, or it would be told to read it for ever."""
        self._unkept.pop((reader, place), None)
        if len(self._unkept) >= _MOST_BEGUN:
            del self._unkept[next(iter(self._unkept))]
        self._unkept[reader, place] = digest
        with _logged():
            self._state.keep_read(reader, place, digest)
            del self._unkept[reader, place]

    async def changed(self, reader: str, real: Path) -> Changed | None:
        """Return who changed a file since its reader last read or wrote it.

        Returns:
            None when nobody did, and when it was never read. That it was removed or made counts as a change.

        Raises:
            StateUnusable: nobody knows what the reader read.
        """
        place = _place(real)
        known = self._unkept.get((reader, place)) or self._state.digest_read(reader, place)
        if known is None:
            return None
        digest = await _digest(place)
        if digest == known:
            return None
        written = self._state.last_write(place)
        if written is None or written.digest != digest:
            return Changed(None, _changed_at(place))
        return Changed(written.agent, written.at)


@contextmanager
def _logged() -> Generator[None]:
    """Go on when the memory cannot be written, as on a full disk."""
    try:
        yield
    except StateUnusable as error:
        _log.warning("read_not_kept", error=str(error))


def _place(real: Path) -> str:
    return os.path.realpath(real)


async def _digest(place: str) -> bytes:
    """Return what tells a file from a changed one."""
    try:
        size = os.stat(place).st_size
    except (OSError, ValueError):
        size = 0
    return _digest_now(place) if size <= _AT_ONCE else await asyncio.to_thread(_digest_now, place)


def _digest_now(place: str) -> bytes:
    try:
        # Without O_NONBLOCK the opening of a pipe would wait for somebody who writes.
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return _ABSENT
    except OSError:
        return _outside(place)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_HASHED:
            return _facts(found)
        content = hashlib.blake2b(digest_size=16)
        while chunk := os.read(descriptor, _CHUNK):
            content.update(chunk)
        return b"content:" + content.digest()
    finally:
        os.close(descriptor)


def _outside(place: str) -> bytes:
    """Return what can be told of a file that may not be opened."""
    try:
        return _facts(os.stat(place))
    except OSError:
        return _ABSENT


def _facts(found: os.stat_result) -> bytes:
    return f"facts:{found.st_size}:{found.st_mtime_ns}:{found.st_ino}".encode()


def _changed_at(place: str) -> float:
    """Return when a file was changed; of one that is not there, when its folder was."""
    for name in (place, os.path.dirname(place)):
        try:
            return os.stat(name).st_mtime
        except OSError:
            continue
    return time.time()
