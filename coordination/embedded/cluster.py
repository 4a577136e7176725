"""The cluster: the folder that initdb makes, and what its files tell about the server that runs in it.

Making one is all or nothing: it is built in a folder aside, with the database ``coordination`` in it,
synced, and then renamed. What an interrupted attempt left aside is removed by the next one, which holds the
cluster's lock. As root, nothing is ever written *into* a cluster: it belongs to a user without power, who
could have put links there.
"""

import errno
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from coordination.embedded.binaries import Binaries
from coordination.embedded.errors import PostgresUnavailable
from coordination.embedded.spawn import Child, Guard, Place, spawn
from coordination.embedded.watchdog import PATIENCE

NAME = "coordination"
"""The database and its owner; a superuser, as nobody else comes in through the private socket."""
ASIDE = "postgres.new-"
LAST_LINES = 12
DISK_FULL = "The disk is full: make room and start again."
_STATUS_LINE = 7
# C.UTF-8 as Postgres itself has it, the same on every platform; plain C for what is left to the system.
_BUILTIN_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_BUILTIN_LOCALE_SINCE = 17
_INITDB_SECONDS = 120.0


@dataclass(frozen=True)
class Postmaster:
    """What postmaster.pid says. It may be stale: only the lock tells whether the server lives.

    Attributes:
        pid: process id of the postmaster.
        status: ``starting``, ``stopping``, ``ready`` or "" when it is not written yet.
    """

    pid: int
    status: str


def major_version(folder: Path) -> int | None:
    """The major version that made the cluster in `folder`; None when there is no cluster yet.

    Raises:
        PostgresUnavailable: the folder holds something else.
    """
    try:
        written = (folder / "PG_VERSION").read_text(encoding="ascii").strip()
        return int(written)
    except FileNotFoundError:
        if folder.is_dir() and any(folder.iterdir()):
            raise PostgresUnavailable(f"{folder} is not empty, and holds no Postgres data.") from None
        return None
    except (OSError, ValueError) as error:
        raise PostgresUnavailable(f"{folder / 'PG_VERSION'} cannot be read: {error}.") from error


def read_postmaster(folder: Path) -> Postmaster | None:
    """The postmaster that last wrote its file in `folder`, if any."""
    try:
        lines = (folder / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    return Postmaster(pid, lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else "")


def forget_postmaster(folder: Path) -> None:
    """Remove pid files that a crash left. Only for the holder of the lock, who knows that no server lives.

    Postgres refuses to start when the pid in them is in use, and after a reboot of a container it mostly is.
    """
    for path in (folder / "postmaster.pid", *folder.glob(".s.PGSQL.*.lock")):
        with suppress(FileNotFoundError):
            path.unlink()


def create(place: Place, binaries: Binaries, guard: Guard) -> None:
    """Make the cluster ``place.folder``. Only for the holder of the lock.

    Raises:
        PostgresUnavailable: initdb failed; with its last lines.
        OSError: the parent folder cannot be written.
    """
    parent = place.folder.parent
    for left in parent.glob(ASIDE + "*"):
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=parent))
    try:
        if place.account:
            os.chown(aside, place.account.uid, place.account.gid)
        beside = replace(place, folder=aside)
        _initdb(beside, binaries, guard)
        _name_database(beside, binaries, guard)
        aside.rename(place.folder)
        _sync(parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _initdb(place: Place, binaries: Binaries, guard: Guard) -> None:
    command = [
        str(binaries.initdb),
        f"--pgdata={place.pgdata}",
        f"--username={NAME}",
        "--encoding=UTF8",
        "--locale=C",
        *(_BUILTIN_LOCALE if binaries.major >= _BUILTIN_LOCALE_SINCE else ()),
        "--data-checksums",
        "--wal-segsize=4",  # MB; a small machine needs no 16
        "--auth-local=trust",  # the 0700 folder is the guard
        "--auth-host=reject",
        "--no-instructions",
    ]
    _run("initdb", spawn(command, place, guard=guard, stdout=subprocess.PIPE))


def _name_database(place: Place, binaries: Binaries, guard: Guard) -> None:
    command = [
        str(binaries.postgres),
        "--single",
        "-D",
        place.pgdata,
        "-c",
        "exit_on_error=on",
        "-c",
        "log_checkpoints=off",
        "template1",
    ]
    child = spawn(command, place, guard=guard, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    _run("the first start", child, f"ALTER DATABASE postgres RENAME TO {NAME};\n")


def _run(what: str, child: Child, text: str = "") -> None:
    with child.program as program:
        try:
            output, _ = program.communicate(text.encode(), timeout=_INITDB_SECONDS)
        except BaseException:
            child.stop(PATIENCE)
            raise
    child.let_go()
    if program.returncode != 0:
        raise unavailable(f"{what} failed.", last_lines(output.decode(errors="replace")))


def unavailable(reason: str, output: str) -> PostgresUnavailable:
    """The error for `reason`, or for a better one that the output tells."""
    if os.strerror(errno.ENOSPC) in output:
        return PostgresUnavailable(f"{reason} {DISK_FULL}", output)
    if "cannot run /" in output or "error while loading shared libraries" in output:
        return PostgresUnavailable("its programs do not run on this platform.", output)
    return PostgresUnavailable(reason, output)


def unusable(path: Path, error: OSError) -> PostgresUnavailable:
    """The error for a path that the system refuses."""
    advice = f" {DISK_FULL}" if error.errno == errno.ENOSPC else ""
    return PostgresUnavailable(f"{error.filename or path} cannot be used: {error.strerror}.{advice}")


def last_lines(text: str) -> str:
    """The end of a log, short enough for an error message."""
    return "\n".join(text.strip().splitlines()[-LAST_LINES:])


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
