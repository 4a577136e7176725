"""A hosted service as its own process, with an environment that holds nothing but what it is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import httpx

from tests.acceptance.service import START_SECONDS, answers, free_port, wait_until
from tests.loose import LOOSE

BOOTSTRAP = "a-bootstrap-token-for-tests-of-32-and-more"
RUN = ("-m", "coordination", "run")
# What Python itself needs to run from where the tests run.
_INHERITED = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


class Hosted:
    """A service in hosted mode; `with` starts it and stops it at the end.

    Args:
        folder: for its data and its log.
        dsn: its database.
        command: what Python runs.
        port: the port, by default a free one.
        variables: further settings.
    """

    def __init__(
        self,
        folder: Path,
        dsn: str,
        *,
        command: Sequence[str] = RUN,
        port: int | None = None,
        **variables: str,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._command = [part.replace("$PORT", str(self.port)) for part in command]
        self._log = folder / f"service-{self.port}.log"
        self.environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            **LOOSE,
            "HOME": str(folder),
            "COORDINATION_DATA_DIR": str(folder / f"data-{self.port}"),
            "COORDINATION_MODE": "hosted",
            "COORDINATION_BOOTSTRAP_TOKEN": BOOTSTRAP,
            "DATABASE_URL": dsn,
            "HOST": "0.0.0.0",  # noqa: S104 - what platforms set
            "PORT": str(self.port),
            **variables,
        }
        self.running: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.running is not None and self.running.poll() is None:
            self.stop()

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self.running is not None
        return self.running.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, *self._command],
                cwd=self._folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        running = self.running
        wait_until(
            lambda: running.poll() is not None or answers(f"{self.url}/ready"), START_SECONDS, "the service"
        )
        assert running.poll() is None, self.log()

    def stop(self) -> int:
        """Ask it to end, as a platform does, and return its exit code."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(START_SECONDS)

    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()


def owner(url: str) -> dict[str, str]:
    """Make the first workspace and its owner, `alice`, and return the headers of her token."""
    answer = httpx.post(
        f"{url}/api/v1/bootstrap",
        json={"user": "alice"},
        headers={"authorization": f"Bearer {BOOTSTRAP}"},
        trust_env=False,
        timeout=10,
    )
    assert answer.is_success, answer.text
    return {"authorization": f"Bearer {answer.json()['secret']}"}
