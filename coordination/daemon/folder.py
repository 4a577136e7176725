"""The daemon's folder: where its socket, its token, what it remembers, its log and its record are.

The folder is for its owner alone; one that belongs to somebody else, or that others may enter, is refused and never
mended by itself, because whoever can write there could answer hooks in our name. The path of a Unix socket is limited
to about a hundred bytes, so below a deep data folder the socket has a short private folder of its own, named after
the data folder. What stands in the files is known to those who write them.
"""

import json
import os
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from coordination.client import private_file
from coordination.client.private_file import UnusableFile
from coordination.daemon.socket_path import socket_path
from coordination.repository.terminal import is_alive

NAME: Final = "daemon"
PORT: Final = 8765
"""Where the daemon listens on loopback, unless it was told otherwise."""
RECORD_BYTES: Final = 65_536
_MEND: Final = "Look who made it; when nothing in it is needed, remove it."


@dataclass(frozen=True, slots=True)
class RunningDaemon:
    """The daemon that runs on a folder.

    Attributes:
        pid: its process id.
        started: when the process began, in seconds since 1970 with two decimals, as text.
        port: where it listens on 127.0.0.1; 0 when it does not.
        socket: the path of its socket.
        version: its release.
    """

    pid: int
    started: str
    port: int
    socket: str
    version: str


_RECORD: Final = TypeAdapter(RunningDaemon)


@dataclass(frozen=True, slots=True)
class Folder:
    """The places in one daemon's folder; nothing is made or looked at before `prepare`."""

    path: Path

    @property
    def socket(self) -> Path:
        """The Unix socket that hooks talk to.

        Raises:
            OSError: its path is too long, and no short folder can be written.
        """
        return socket_path(self.path / "socket")

    @property
    def token(self) -> Path:
        """The secret that clients on the port need."""
        return self.path / "token"

    @property
    def state(self) -> Path:
        """What is remembered over a restart."""
        return self.path / "state.sqlite"

    @property
    def log(self) -> Path:
        """What it logs."""
        return self.path / "daemon.log"

    @property
    def output(self) -> Path:
        """What it prints beside its log when it runs in the background."""
        return self.path / "daemon.out"

    @property
    def running(self) -> Path:
        """The record of the daemon that runs."""
        return self.path / "running.json"

    @property
    def starting(self) -> Path:
        """The file whose lock is shared by all who start a daemon, until it runs."""
        return self.path / "starting"

    @property
    def lock(self) -> Path:
        """The file whose lock the running daemon holds."""
        return self.path / "lock"

    def prepare(self) -> None:
        """Make the folders, for us alone.

        Raises:
            UnusableFile: one is there that is not ours alone, or is no folder.
            OSError: one cannot be made.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in dict.fromkeys((self.path, self.socket.parent)):
            with suppress(FileExistsError):
                one.mkdir(mode=0o700)
            check(one)

    def record(self, daemon: RunningDaemon) -> None:
        """Leave the record of the daemon that runs, at once or not at all.

        Raises:
            OSError: the folder cannot be written.
        """
        private_file.write(self.running, json.dumps(asdict(daemon)).encode())

    def find(self) -> RunningDaemon | None:
        """Return the daemon that runs, None when there is none; the record of one that was killed says nothing.

        Raises:
            UnusableFile: the folder or the record is not ours alone.
        """
        if not os.path.lexists(self.path):
            return None
        check(self.path)
        content = private_file.read(self.running, RECORD_BYTES)
        try:
            found = _RECORD.validate_json(content or b"")
            return found if is_alive(found.pid, found.started) else None
        except ValueError:
            return None

    def forget(self) -> None:
        """Remove the record and the socket, if they are there."""
        for one in (self.running, self.socket):
            with suppress(OSError):
                one.unlink()


def folder_in(data_dir: Path) -> Folder:
    """Return the daemon's folder of a data folder."""
    return Folder(data_dir / NAME)


def check(path: Path) -> None:
    """Make sure that a folder is ours alone.

    Raises:
        UnusableFile: it is no folder, belongs to somebody else, or is open to others.
        OSError: it is not there.
    """
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise UnusableFile(path, "is no folder", _MEND)
    if found.st_uid != os.geteuid():
        raise UnusableFile(path, "belongs to another user", _MEND)
    if stat.S_IMODE(found.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise UnusableFile(path, "is open to other users", f"When they did nothing there: chmod 700 {path}")
