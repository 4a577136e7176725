"""Programs of ours in the background: start one apart from this terminal, wait for it, end it, each with a deadline.

Which program it is, and how it is known again, is known to those who call: `background` for the service,
`daemon_background` for the daemon. A process is never signalled by its id alone: who calls has made sure by its start
that it is still the one.
"""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from coordination.cli.output import Failure

LOOK_SECONDS: Final = 0.02
LAST_LINES: Final = 20


def launch(
    command: Sequence[str], *, folder: Path, output: Path, environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own, so that nothing typed in this terminal reaches it.

    Args:
        command: the program and its arguments.
        folder: the folder that it runs in.
        output: the file that what it prints goes to; what was there is lost.
        environment: all that it is told.

    Raises:
        OSError: the file cannot be written, or the program not be started.
    """
    with output.open("wb") as file:
        return subprocess.Popen(  # noqa: S603 - programs of ours
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end(pid: int, is_alive: Callable[[], bool], *, clean: float, forced: float) -> bool:
    """End a program and wait for it: cleanly, and when that takes too long by force.

    Args:
        pid: its process id.
        is_alive: whether it is still that very one.
        clean: seconds that a clean end may take.
        forced: seconds that it may then take to be gone.

    Returns:
        Whether it ended cleanly.

    Raises:
        Failure: it may not be signalled, or does not end.
    """
    for ask_to_end, seconds in ((psutil.Process.terminate, clean), (psutil.Process.kill, forced)):
        if is_alive():
            _signal(pid, ask_to_end)
        if soon(lambda: not is_alive(), seconds):
            return ask_to_end is psutil.Process.terminate
    raise Failure(f"Process {pid} does not end, not even by SIGKILL.")


def soon(holds: Callable[[], bool], seconds: float) -> bool:
    """Look until `holds()`, and return whether it came true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def said(output: Path) -> str:
    """Return what a program printed, "" when that is nothing."""
    try:
        return output.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def last_lines(log: str | Path | None) -> str:
    """Return the end of a log, indented below a line that names the file; "" when there is nothing."""
    lines = said(Path(log)).splitlines() if log else []
    kept = [line[:500] for line in lines if line.strip()][-LAST_LINES:]
    return "\n".join(["", f"The last lines of {log}:", *(f"  {line}" for line in kept)]) if kept else ""


def _signal(pid: int, ask_to_end: Callable[[psutil.Process], None]) -> None:
    try:
        ask_to_end(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise Failure(
            f"Process {pid} belongs to another user, and you may not stop it.",
            mend="Run the same command as that user, or as root.",
        ) from error
