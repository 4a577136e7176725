"""Start, watch and kill services that run on their own, and look at what is left of their Postgres."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("program.py")
PACKAGES = str(Path(psutil.__file__).parents[1])
"""Where the packages are that a service needs, for an interpreter that does not know them by itself."""
NOBODY = 65534
SECONDS = 20.0
"""How long to wait for something that has to happen; far above what it takes."""

Watchdog = Literal["auto", "signal", "pipe"]


@dataclass(frozen=True)
class Answer:
    """What a service prints when its Postgres is ready."""

    dsn: str
    pid: int
    version: str


class Service:
    """A process that serves the data folder `folder`, perhaps as another user."""

    def __init__(
        self,
        folder: Path,
        watchdog: Watchdog = "auto",
        *,
        uid: int | None = None,
        python: str = sys.executable,
    ) -> None:
        self.program = subprocess.Popen(
            [python, str(PROGRAM), str(folder), watchdog],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), PACKAGES])},
            cwd="/",
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )

    def ready(self) -> Answer:
        """Wait until its Postgres is ready; what it says when that fails is in the assertion."""
        assert self.program.stdout
        assert self.program.stderr
        line = self.program.stdout.readline()
        assert line, self.program.stderr.read()
        return Answer(**json.loads(line))

    def kill(self) -> None:
        """SIGKILL it, as the kernel would when memory is short."""
        self.program.send_signal(signal.SIGKILL)
        self.program.wait(SECONDS)
        self._close()

    def stop(self) -> int:
        """Have it stop cleanly and return its exit status."""
        assert self.program.stdin
        self.program.stdin.close()
        status = self.program.wait(SECONDS)
        self._close()
        return status

    def end(self) -> None:
        """Make sure that it is gone; for the end of a test."""
        if self.program.poll() is None:
            self.kill()
        self._close()

    def _close(self) -> None:
        for stream in (self.program.stdin, self.program.stdout, self.program.stderr):
            if stream:
                stream.close()


def running(folder: Path) -> list[psutil.Process]:
    """All processes of Postgres that work on the data folder `folder`, or are about to."""
    found: list[psutil.Process] = []
    for candidate in psutil.process_iter():
        try:
            if Path(candidate.cwd()).is_relative_to(folder):
                found.append(candidate)
        except psutil.Error:
            continue
    return found


def left_after_all_ended(folder: Path) -> list[psutil.Process]:
    """Wait for every process on `folder` to end, and return those that do not."""
    return left_of(running(folder))


def left_of(programs: list[psutil.Process]) -> list[psutil.Process]:
    """Wait for all of `programs` to end, and return those that do not.

    Who is dead and only waits to be reaped has ended: not every container has an init that reaps orphans.
    """
    deadline = time.monotonic() + SECONDS
    while programs and time.monotonic() < deadline:
        _, alive = psutil.wait_procs(programs, timeout=0.02)
        programs = [program for program in alive if not has_ended(program)]
    return programs


def has_ended(program: psutil.Process) -> bool:
    """Whether it is gone, or dead and not reaped yet."""
    try:
        return program.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def python_for(uid: int) -> str | None:
    """An interpreter of our version that `uid` can run with our packages; ours may be out of its reach."""
    probe = "import asyncpg, psutil, sys; print(sys.version_info[:2] == tuple(map(int, sys.argv[1:])))"
    version = [str(number) for number in sys.version_info[:2]]
    for python in (
        sys.executable,
        f"/usr/bin/python{'.'.join(version)}",
        f"/usr/local/bin/python{'.'.join(version)}",
    ):
        try:
            shown = subprocess.run(
                [python, "-c", probe, *version],
                env={"PYTHONPATH": PACKAGES},
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                user=uid,
                group=uid,
                extra_groups=[],
            )
        except OSError:
            continue
        if shown.stdout.strip() == "True":
            return python
    return None


def aside(folder: Path, below: str = "") -> list[str]:
    """The clusters in `folder` that are being made or were left half-made, if they have `below`."""
    return [str(path) for path in folder.glob(f"postgres.new-*{below}")]
