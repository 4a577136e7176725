"""One installation as a person has it: a data folder, a home, and `coord` run as its own process.

The service takes a free port. Nothing of this machine's settings reaches it but what `os.environ` needs for programs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from coordination.app import running
from coordination.app.running import RunningService
from coordination.settings import CONFIG_VARIABLE, VARIABLES

SECONDS = 45.0
"""How long one command may take; the first start makes a database."""
_LOOK_SECONDS = 0.02


class Installation:
    """A data folder with its own home; `with` stops what runs on it at the end."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.data_dir = folder / "data"
        home = folder / "home"
        home.mkdir(parents=True)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in {*VARIABLES.values(), CONFIG_VARIABLE} and not name.startswith(("XDG_", "COORD_"))
        }
        self.environment = {
            **inherited,
            "HOME": str(home),
            "COORDINATION_DATA_DIR": str(self.data_dir),
            "PORT": "0",
            **variables,
        }

    def __enter__(self) -> Installation:
        return self

    def __exit__(self, *_: object) -> None:
        self.coord("down")

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `coord` and do not wait for it."""
        return subprocess.Popen(
            [coord(), *arguments],
            env={**self.environment, **variables},
            cwd=self.environment["HOME"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def coord(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `coord` to its end."""
        with self.start(*arguments, **variables) as program:
            try:
                out, err = program.communicate(timeout=SECONDS)
            except BaseException:
                program.kill()
                raise
        return subprocess.CompletedProcess(program.args, program.returncode, out, err)

    def coord_in(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `coord` in a folder to its end."""
        return subprocess.run(
            [coord(), *arguments],
            env=self.environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def paste(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a printed line in a plain shell that knows nothing of this installation."""
        environment = {
            name: value
            for name, value in self.environment.items()
            if name not in {"COORDINATION_DATA_DIR", "PORT"}
        }
        return subprocess.run(
            ["/bin/sh", "-c", line],
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def json(self, *arguments: str, **variables: str) -> Any:
        """Run `coord … --json`, which must succeed, and return its answer."""
        done = self.coord(*arguments, "--json", **variables)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    def services(self) -> list[RunningService]:
        """The services that run on the data folder."""
        return running.find(self.data_dir)

    def log(self) -> str:
        """What the service in the background has logged."""
        return (self.data_dir / "logs" / "service.log").read_text(encoding="utf-8")


def coord() -> str:
    """The command `coord` of the environment that the tests run in."""
    return str(Path(sys.executable).with_name("coord"))


def get(url: str) -> httpx.Response:
    """GET from a service on this machine."""
    return httpx.get(url, trust_env=False, timeout=10)


def is_gone(pid: int) -> bool:
    """Whether no process has this id; a dead one that nobody waited for is none."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(holds: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Look until `holds()`: for facts of other processes, which send no event.

    Raises:
        TimeoutError: it did not come true in time; `what` is in the message.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(_LOOK_SECONDS)
