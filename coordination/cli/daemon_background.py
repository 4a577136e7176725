"""The daemon in the background: start it detached, wait until hooks can talk to it, stop it, each with a deadline.

It is known by the record in its folder, so only our own process is ever signalled. Nothing is printed here.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from coordination.cli import detached, systemd
from coordination.cli.detached import LOOK_SECONDS
from coordination.cli.output import Failure
from coordination.cli.place import coord
from coordination.client.private_file import UnusableFile
from coordination.daemon import frames
from coordination.daemon.folder import Folder, RunningDaemon
from coordination.daemon.single import BeingRemoved, is_taken, nobody, starting
from coordination.domain.text import clean
from coordination.repository.terminal import is_alive

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0
"""How long a clean end may take: it gives back every lease first."""
KILL_SECONDS: Final = 10.0
LONGEST_FOLDER: Final = 200
ANSWER_SECONDS: Final = 2.0
STATUS: Final = "status"
"""What is asked for over the socket; `daemon.status` has the same word, and needs far more to be imported."""
_ENDED: Final = "The daemon ended while it started."


def command(*options: str) -> list[str]:
    """Return what runs the daemon in the foreground, without the interpreter."""
    return ["-P", "-m", "coordination", "daemon", "run", *options]


def find(folder: Folder) -> RunningDaemon | None:
    """Return the daemon that runs on a folder, None when there is none.

    Raises:
        Failure: the folder is not ours alone.
    """
    try:
        return folder.find()
    except UnusableFile as error:
        raise Failure(str(error), code="unsafe_folder") from None


def prepare(folder: Folder) -> None:
    """Make the folder.

    Raises:
        Failure: it cannot be made, or is not ours alone.
    """
    try:
        folder.prepare()
    except UnusableFile as error:
        raise Failure(str(error), code="unsafe_folder") from None
    except OSError as error:
        raise Failure(f"{error.filename} cannot be made: {error.strerror}.") from None


def start(folder: Folder, arguments: Sequence[str]) -> RunningDaemon:
    """Start the daemon, detached from this terminal, or find the one that somebody started just now.

    Args:
        folder: its folder.
        arguments: what runs it, without the interpreter (`command`).

    Returns:
        Its record; hooks can talk to it.

    Raises:
        Failure: it ended while it started, or did not answer in time.
    """
    prepare(folder)
    try:
        with starting(folder):
            child = detached.launch(
                [sys.executable, *arguments], folder=folder.path, output=folder.output, environment=os.environ
            )
            found = wait_until_it_answers(folder, child)
            # One that lost, and does not know it yet, could begin when the other has been stopped.
            detached.soon(lambda: child.poll() is not None or _is(child.pid, folder), START_SECONDS)
            return found
    except BeingRemoved as error:
        raise Failure(str(error), mend=f"Install it again: {coord('install')}") from None


def wait_until_it_answers(folder: Folder, child: "subprocess.Popen[bytes] | None" = None) -> RunningDaemon:
    """Wait until hooks can talk to the daemon of a folder, and return its record.

    Args:
        folder: its folder.
        child: what was started here; None when somebody else starts it.

    Raises:
        Failure: what was started here ended and no other one runs, or nobody answered in time.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = find(folder)
        if found is not None and answers(found):
            return found
        # One that lost to another at the same moment ends; that other one is as good, once it has left its record.
        if child is not None and child.poll() is not None and not is_taken(folder):
            raise Failure(
                f"{_ENDED}\n{detached.said(folder.output) or 'It said nothing.'}",
                mend=f"See its log: {coord('daemon logs')}",
            )
        time.sleep(LOOK_SECONDS)
    raise Failure(
        f"The daemon did not answer within {START_SECONDS:.0f} seconds.{detached.last_lines(folder.log)}",
        mend=f"Stop it: {coord('daemon stop')}",
    )


def _is(pid: int, folder: Folder) -> bool:
    found = find(folder)
    return found is not None and found.pid == pid


def remove(folder: Folder) -> RunningDaemon | None:
    """Stop the daemon of a folder, one too that only begins, and remove the folder.

    Returns:
        The daemon that was stopped, None when there was none.

    Raises:
        Failure: one is being started all the time, or does not end.
        OSError: the folder cannot be removed.
    """
    stopped: RunningDaemon | None = None
    deadline = time.monotonic() + START_SECONDS
    while folder.path.exists():
        found = find(folder)
        if found is not None:
            stop(folder, found)
            stopped = found
        with nobody(folder) as alone:
            if alone:
                short = folder.socket.parent
                for one in {folder.path, short} if short.is_dir() else {folder.path}:
                    shutil.rmtree(one)
                break
        if time.monotonic() > deadline:
            raise Failure(
                "A daemon is being started, and does not come to run.",
                mend=f"When it runs, or has ended: {coord('uninstall')}",
            )
        time.sleep(LOOK_SECONDS)
    return stopped


def stop(folder: Folder, daemon: RunningDaemon) -> bool:
    """Stop a daemon and wait for it: cleanly, so that its leases are free at once, and else by force.

    Returns:
        Whether it ended cleanly.

    Raises:
        Failure: it may not be signalled, or does not end.
    """
    if systemd.runs(daemon.pid):
        systemd.stop()
    clean = detached.end(
        daemon.pid, lambda: is_alive(daemon.pid, daemon.started), clean=STOP_SECONDS, forced=KILL_SECONDS
    )
    if not clean:
        folder.forget()
    return clean


# Any: JSON.
def told(daemon: RunningDaemon) -> dict[str, Any] | None:
    """Return what a daemon says of itself over the socket of the hooks (`daemon.status`); None when it does not."""
    try:
        with socket.socket(socket.AF_UNIX) as one, one.makefile("rb") as reading:
            one.settimeout(ANSWER_SECONDS)
            one.connect(daemon.socket)
            one.sendall(frames.request(STATUS))
            length = int.from_bytes(reading.read(frames.LENGTH), "big")
            answer: Any = json.loads(reading.read(length))
            one.sendall(frames.RECEIPT)
    except (OSError, ValueError):
        return None
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else None


def unprotected(folder: Folder) -> list[str]:
    """Return a sentence for each terminal of which the daemon of a folder hears no hook; none where none runs."""
    try:
        daemon = folder.find()
    except UnusableFile:
        return []
    said = None if daemon is None else told(daemon)
    return [one_unprotected(one) for one in (said or {}).get("unprotected") or ()]


def one_unprotected(terminal: Mapping[str, str]) -> str:
    """Return a sentence for a terminal that is not protected, as `told` lists it."""
    return f"{_named(terminal)} is NOT PROTECTED: no hook of it comes."


def one_unheard(terminal: Mapping[str, str]) -> str:
    """Return a sentence for a terminal of which nobody knows yet whether it is protected, as `told` lists it."""
    return f"{_named(terminal)} has not been heard of. Its next prompt tells whether its hooks come."


def _named(terminal: Mapping[str, str]) -> str:
    process, where = terminal["terminal"].partition("-")[0], clean(terminal["folder"], LONGEST_FOLDER)
    return f"The terminal of process {process} in {where}"


def starts_again(folder: Folder) -> str:
    """Return what to say to who stopped the service that a daemon starts again; "" where none does."""
    daemon = find(folder)
    if daemon is None or not (told(daemon) or {}).get("terminals"):
        return ""
    return (
        "Terminals run, so the daemon starts the service again as soon as it misses it.\n"
        f"To stop both: {coord('daemon stop')}, then {coord('down')}"
    )


def answers(daemon: RunningDaemon) -> bool:
    """Whether hooks can talk to a daemon."""
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(1.0)
            one.connect(daemon.socket)
    except OSError:
        return False
    return True
