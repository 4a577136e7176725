"""The servers under measurement, started as processes of their own on loopback and stopped by their process ids."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

STARTUP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port and its process id."""

    port: int
    pid: int

    def memory(self) -> float:
        """Return the memory in MB of the process and its children, shared pages counted once (PSS)."""
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        return sum(member.memory_full_info().pss for member in family) / 1e6


@contextmanager
def service(folder: Path) -> Generator[Server]:
    """Run the service with its embedded Postgres on a new data folder."""
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "COORDINATION_DATA_DIR": str(folder)}
    with running([sys.executable, "-m", "coordination", "run"], environment, port, "/ready") as server:
        yield server


@contextmanager
def echo() -> Generator[Server]:
    """Run the echo tool on a default FastMCP server."""
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("echo_server.py")), str(port)]
    with running(command, dict(os.environ), port, "/mcp") as server:
        yield server


@contextmanager
def running(command: list[str], environment: dict[str, str], port: int, path: str) -> Generator[Server]:
    """Run a server until it answers anything on `path`, and stop it afterwards."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + STARTUP_SECONDS
        while not answers(port, path):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{' '.join(command)} did not start")
            time.sleep(0.05)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def answers(port: int, path: str) -> bool:
    """Whether a server answers there; a refusal counts, a 503 does not."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).close()
    except urllib.error.HTTPError as error:
        return error.code != 503
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port of the loopback address that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
