"""A developer's machine with the gate: service, daemon, and Claude Code with the plugin as `coord install` leaves it.

Everything of it lies in one folder and listens on ports of its own, so several machines can be one. Each version of
Claude Code has a home folder here, as on a machine where it was updated in between; service and daemon are shared.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Self

import psutil

from tests.acceptance.claude import ANYTHING, Claude
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Json
from tests.acceptance.service import START_SECONDS, Service, answers, coord, free_port, wait_until

TOOLS = "mcp__plugin_coord_coordination__"
"""What the names of the service's tools begin with where they come from the plugin."""

BACK_SECONDS = 25.0
"""How long a service that died may be away: far less than the pause between two calls of a quiet daemon."""


class Daemon:
    """The daemon in the foreground, as `coord daemon run` starts it; use it as a context manager."""

    def __init__(self, folder: Path, environment: Mapping[str, str], port: int) -> None:
        self.port = port
        self._environment = environment
        self._log = folder / "daemon.out"
        self._running: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it ended or did not answer in time; the message carries what it printed.
        """
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                [coord(), "daemon", "run", "--port", str(self.port)],
                env=dict(self._environment),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._answers, START_SECONDS, "the daemon to answer")
        except TimeoutError as error:
            self.kill()
            raise RuntimeError(f"{error}; it printed:\n{self._log.read_text()}") from error
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it as Ctrl-C would, and wait for it."""
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(signal.SIGINT)
            self._running.wait(START_SECONDS)

    def kill(self) -> None:
        """End it as a crash would; entering the context again starts it anew."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._running is not None, "it was never started"
        return self._running.pid

    def _answers(self) -> bool:
        assert self._running is not None, "it was never started"
        if self._running.poll() is not None:
            raise RuntimeError(f"the daemon ended; it printed:\n{self._log.read_text()}")
        return answers(f"http://127.0.0.1:{self.port}/health")


class Machine:
    """A machine of one developer; use it as a context manager, which starts service and daemon.

    The service runs in the background: it is the daemon that starts it again when it died.

    Args:
        folder: everything lies here.
        user: the developer's name in sessions.
        beside: a machine whose service is used from here too; without one there is a service here.
    """

    def __init__(self, folder: Path, user: str, beside: Machine | None = None) -> None:
        self.folder = folder
        self._serves = beside is None
        self.service = Service(folder / "service") if beside is None else beside.service
        lead = self.service.settings if beside is None else _elsewhere(folder, self.service)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "USER": user,
            "LOGNAME": user,
            "XDG_CONFIG_HOME": str(folder / "config"),
        } | lead
        """What `coord` is started with here."""
        self.daemon = Daemon(folder, self.environment, free_port())

    def __enter__(self) -> Self:
        """Start the service, and the daemon beside it."""
        self.folder.mkdir(exist_ok=True)
        if self._serves:
            self.service.folder.mkdir()
            self._coord("up")
        try:
            self.daemon.__enter__()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop both."""
        self.daemon.__exit__()
        # A hook that found none may have started another.
        self._coord("daemon", "stop")
        if self._serves:
            self._coord("down")

    def claude(self, version: str, program: Path, folder: Path, checkout: Path, model: ModelApi) -> Claude:
        """Return Claude Code with the plugin, for terminals in `checkout` whose output goes to `folder`.

        The first time a version is asked for, `coord install` installs the plugin in it.
        """
        home = self.folder / f"home-{version}"
        fresh = not home.exists()
        claude = Claude(program, folder, checkout, model, home=home)
        claude.options = ANYTHING
        if fresh:
            here = {name: value for name, value in self.environment.items() if name not in {"PATH", "HOME"}}
            claude.run(coord(), "install", "--port", str(self.daemon.port), environment=here)
        return claude

    @contextlib.contextmanager
    def policy(self, text: str) -> Generator[None]:
        """Have, for the block, a policy: what an edit gets while nobody can say whether the file is free."""
        place = self.folder / "config" / "coordination" / "policy"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o600)
        try:
            yield
        finally:
            place.unlink()

    def daemon_status(self) -> Json:
        """What `coord daemon status` says, as JSON."""
        said: Json = json.loads(self._coord("daemon", "status", "--json"))
        return said

    def crash_service(self) -> None:
        """Kill the service, and wait until the daemon has brought it back."""
        dead = self._service()
        dead.kill()
        # Not for its end: whoever started it may not have taken note of that.
        wait_until(
            lambda: bool(self._listening() - {dead.pid}) and answers(f"{self.service.url}/ready"),
            BACK_SECONDS,
            "the service to be back",
        )

    @contextlib.contextmanager
    def frozen(self, which: str) -> Generator[Callable[[], None]]:
        """Yield what stops the `service` or the `daemon` where it is; at the end of the block it goes on."""
        process = self._service() if which == "service" else psutil.Process(self.daemon.pid)
        try:
            yield process.suspend
        finally:
            process.resume()
            wait_until(lambda: answers(f"{self.service.url}/ready"), START_SECONDS, "the service to answer")

    def _service(self) -> psutil.Process:
        """The process that listens where the service is."""
        (pid,) = self._listening()
        return psutil.Process(pid)

    def _listening(self) -> set[int]:
        """Who listens where the service is."""
        return {
            found.pid
            for found in psutil.net_connections("tcp")
            if found.pid and found.status == psutil.CONN_LISTEN and found.laddr[1:] == (self.service.port,)
        }

    def _coord(self, *command: str) -> bytes:
        return subprocess.run(
            [coord(), *command], env=self.environment, check=True, capture_output=True, timeout=90
        ).stdout


def _elsewhere(folder: Path, service: Service) -> dict[str, str]:
    """The part of the environment that leads to a service that is not of this machine."""
    return {"COORDINATION_DATA_DIR": str(folder / "data"), "COORDINATION_URL": service.url}
