"""The file in which the daemon keeps what must survive its restart: made, opened, bounded, and begun anew when broken.

One SQLite file for its owner alone. A write survives the end of the daemon; after a power cut the last ones may be
missing, never half there (`synchronous=NORMAL` with a write-ahead log). Nothing in it is the truth about a lease: a
broken file is set aside, a new one is begun, and whoever opened it is told. What stands in it is known to `state`.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

VERSION: Final = 2
"""Raise it with every change of the tables: a file of another version is begun anew."""
KEPT_SECONDS: Final = 14 * 24 * 3600.0
MOST_ROWS: Final = {"names": 10_000, "terminals": 1_000, "reads": 50_000, "writers": 50_000, "wishes": 10_000}
PRUNED_AFTER: Final = 1_000
"""Writes between two looks at the bounds; so a table may have that many rows more."""
_BUSY_SECONDS: Final = 1.0
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY: Final = 0xFF
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS names (
    session TEXT NOT NULL, known_by TEXT NOT NULL, name TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (session, known_by)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS names_by_age ON names (at);
CREATE TABLE IF NOT EXISTS terminals (
    pid INTEGER NOT NULL, started TEXT NOT NULL, claude_session TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (pid, started, claude_session)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS terminals_by_age ON terminals (at);
CREATE TABLE IF NOT EXISTS reads (
    reader TEXT NOT NULL, path BLOB NOT NULL, digest BLOB NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (reader, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reads_by_age ON reads (at);
CREATE TABLE IF NOT EXISTS writers (
    path BLOB NOT NULL PRIMARY KEY, digest BLOB NOT NULL, session TEXT NOT NULL, agent TEXT NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS writers_by_age ON writers (at);
CREATE TABLE IF NOT EXISTS wishes (
    agent TEXT NOT NULL, path BLOB NOT NULL, at REAL NOT NULL, PRIMARY KEY (agent, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS wishes_by_age ON wishes (at);
"""
_REMOVE_OLD: Final = {
    "names": """DELETE FROM names WHERE at < :before
        OR at < (SELECT at FROM names ORDER BY at DESC LIMIT 1 OFFSET :most - 1)""",
    "terminals": """DELETE FROM terminals WHERE at < :before
        OR at < (SELECT at FROM terminals ORDER BY at DESC LIMIT 1 OFFSET :most - 1)""",
    "reads": """DELETE FROM reads WHERE at < :before
        OR at < (SELECT at FROM reads ORDER BY at DESC LIMIT 1 OFFSET :most - 1)""",
    "writers": """DELETE FROM writers WHERE at < :before
        OR at < (SELECT at FROM writers ORDER BY at DESC LIMIT 1 OFFSET :most - 1)""",
    "wishes": """DELETE FROM wishes WHERE at < :before
        OR at < (SELECT at FROM wishes ORDER BY at DESC LIMIT 1 OFFSET :most - 1)""",
}


class StateUnusable(Exception):
    """The daemon's state cannot be read or written; the message says why. Nothing is known then, not even "nothing"."""


class StateFile:
    """The open file. Calls may come from any thread; each takes well under a millisecond.

    Args:
        file: where it lies; its folder is the daemon's own.

    Attributes:
        problem: what was wrong with a file that had to be set aside, as a sentence; '' when none was.

    Raises:
        StateUnusable: it can be neither opened nor begun anew.
    """

    def __init__(self, file: Path) -> None:
        self.problem = ""
        self._file = file
        self._lock = threading.Lock()
        self._writes = 0
        try:
            self._connection = self._open()
        except sqlite3.Error as error:
            self._connection = self._begin_anew(error)
        self.prune()

    def close(self) -> None:
        """Close it; what was written stays."""
        with self._lock:
            self._connection.close()

    def read(self, statement: str, *values: object) -> Sequence[tuple[Any, ...]]:
        """Return the rows of one statement; none when the file was broken and had to be begun anew.

        Raises:
            StateUnusable: it could not be run.
        """
        return self._run(statement, values)

    def write(self, statement: str, *values: object) -> None:
        """Run one statement that changes rows, and now and then remove what is old or too many.

        Raises:
            StateUnusable: it could not be run.
        """
        self._run(statement, values)
        self._writes += 1
        if self._writes % PRUNED_AFTER == 0:
            self.prune()

    def prune(self) -> None:
        """Remove what is older than two weeks, and of each table what is more than its bound, the oldest first.

        Raises:
            StateUnusable: it could not be done.
        """
        for table, statement in _REMOVE_OLD.items():
            self._run(statement, {"before": time.time() - KEPT_SECONDS, "most": MOST_ROWS[table]})

    def _run(
        self, statement: str, values: tuple[object, ...] | dict[str, float]
    ) -> Sequence[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                self._connection = self._begin_anew(error)
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise StateUnusable(f"{self._file} cannot be used: {error}.") from error

    def _open(self) -> sqlite3.Connection:
        try:
            # Before SQLite makes it, for it would let others read; its further files take over the mode.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self._file, flags, 0o600)
            try:
                os.fchmod(descriptor, 0o600)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StateUnusable(f"{self._file} cannot be opened: {error.strerror}.") from error
        connection = sqlite3.connect(
            self._file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise _broken("its pages contradict each other")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise _broken(f"it is of version {version}, and this is version {VERSION}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_TABLES)
        # A number of our own: a statement about the file takes no parameters.
        connection.execute(f"PRAGMA user_version={VERSION:d}")

    def _begin_anew(self, error: sqlite3.Error) -> sqlite3.Connection:
        """Set a broken file aside and begin a new one.

        Raises:
            StateUnusable: the file is not broken, only not to be had; or there can be no new one.
        """
        if getattr(error, "sqlite_errorcode", 0) & _PRIMARY not in _BROKEN:
            raise StateUnusable(f"{self._file} cannot be used: {error}.") from error
        if hasattr(self, "_connection"):
            self._connection.close()
        aside = self._file.with_name(f"{self._file.name}.broken")
        try:
            for ending in ("-wal", "-shm"):
                self._file.with_name(self._file.name + ending).unlink(missing_ok=True)
            self._file.replace(aside)
            connection = self._open()
        except (OSError, sqlite3.Error) as failed:
            raise StateUnusable(f"{self._file} is broken and cannot be set aside: {failed}.") from failed
        self.problem = (
            f"The daemon's memory, {self._file}, is broken ({error}). It was set aside as {aside.name} and begun anew:"
            " names of agents may change, and what they read before counts as not read."
        )
        return connection


def _broken(why: str) -> sqlite3.DatabaseError:
    """Return the error of a file that SQLite itself would read, but nobody should."""
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
