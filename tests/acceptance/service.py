"""The real service as its own process, started the way a person starts it in the foreground.

It gets a data folder and a port of its own; nothing else of the machine's settings reaches it. It does not
install anything.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Self

import asyncpg
import httpx

from coordination.embedded import EmbeddedPostgres
from tests.acceptance.script import Json

START_SECONDS = 40.0
"""How long the first start may take: it makes a database."""

_LOOK_SECONDS = 0.1
_AGEING = (
    "UPDATE file_locks SET granted_at = granted_at - $2::interval, expires_at = expires_at - $2 WHERE session_id = $1",
    "UPDATE claude_code_agents SET last_activity = last_activity - $2::interval WHERE session_id = $1",
)


class Service:
    """A service in the foreground; use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Choose a port; data and log lie in `folder`."""
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {"COORDINATION_DATA_DIR": str(folder / "data"), "PORT": str(self.port)}
        """The part of the environment that leads `coord` to this service."""
        self._log = folder / "service.log"
        self._running: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            RuntimeError: it ended or did not get ready in time; the message carries its log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                [coord(), "run"],
                cwd=self.folder,
                env=inherited | self.settings,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_ready, START_SECONDS, "the service to be ready")
        except TimeoutError as error:
            self.__exit__()
            raise RuntimeError(f"{error}; its log:\n{self._log.read_text()}") from error
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it as Ctrl-C would, and wait for it."""
        if self._running is None:
            return
        self._running.send_signal(signal.SIGINT)
        self._running.wait(START_SECONDS)

    def kill(self) -> None:
        """End it as a crash would; entering the context again starts it on the same data and port."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    def age(self, session: str, seconds: float) -> None:
        """Let time pass for a session: of its leases and agents, every instant is `seconds` earlier than it was."""
        asyncio.run(_age(EmbeddedPostgres(self.folder / "data").dsn, session, seconds))

    def endpoint(self, client: str, virtual_user: str) -> str:
        """The MCP endpoint of a client and a virtual user."""
        return f"{self.url}/mcp/v2/{client}/{virtual_user}"

    def status(self, session: str) -> Json:
        """What the service itself says of a session: its agents, their tasks, locks and places in the queue."""
        response = httpx.get(f"{self.url}/api/v1/sessions/{session}", trust_env=False, timeout=10)
        answer: Json = response.raise_for_status().json()
        return answer

    def _is_ready(self) -> bool:
        running = self._running
        if running is None or running.poll() is not None:
            raise RuntimeError(f"the service ended; its log:\n{self._log.read_text()}")
        return answers(f"{self.url}/ready")


async def _age(dsn: str, session: str, seconds: float) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            for statement in _AGEING:
                await connection.execute(statement, session, timedelta(seconds=seconds))
    finally:
        await connection.close()


def coord() -> str:
    """The command `coord` of the environment that the tests run in."""
    return str(Path(sys.executable).with_name("coord"))


def free_port() -> int:
    """A port of loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 200."""
    try:
        return httpx.get(url, trust_env=False, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Look until `holds()`: for facts of other processes, which have no event to wait for.

    Raises:
        TimeoutError: it did not come true in time; `what` is in the message.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(_LOOK_SECONDS)
