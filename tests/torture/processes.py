"""The processes under torture: two services on one data folder, and the Postgres that they share."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator, Iterable
from pathlib import Path

import asyncpg
import psutil

from coordination.embedded import EmbeddedPostgres
from tests.torture.service import WEAKENED

READY_SECONDS = 60.0
_CUT = """
    WITH chosen AS (
        SELECT a.pid, row_number() OVER (ORDER BY random()) AS place, count(*) OVER () AS all_of_them
        FROM pg_stat_activity a
        WHERE a.application_name LIKE 'coordination%' AND a.datname = current_database())
    SELECT count(*) FILTER (WHERE pg_terminate_backend(c.pid)) FROM chosen c
    WHERE c.place <= greatest(1, c.all_of_them * $1::float8)
"""


class Services:
    """Two services on one data folder, each restarted when it was killed; `weakened` names what they do wrong."""

    def __init__(self, folder: Path, weakened: Iterable[str] = ()) -> None:
        self._folder = folder
        self._weakened = " ".join(weakened)
        self._postgres = EmbeddedPostgres(folder)
        self.ports = [_free_port(), _free_port()]
        self._processes: list[subprocess.Popen[bytes] | None] = [None, None]

    @property
    def dsn(self) -> str:
        """Where the shared Postgres is."""
        return self._postgres.dsn

    async def start(self) -> None:
        """Start both and wait until both answer."""
        for number in range(len(self.ports)):
            self.start_one(number)
        await self.ready()

    async def ready(self) -> None:
        """Wait until both services and the database answer.

        Raises:
            TimeoutError: they do not within a minute.
        """
        for number, port in enumerate(self.ports):
            try:
                async with asyncio.timeout(READY_SECONDS):
                    while not await asyncio.to_thread(_answers, port):
                        await asyncio.sleep(0.05)
            except TimeoutError:
                raise TimeoutError(f"service {number} is not ready; its log is in {self._folder}") from None

    def start_one(self, number: int) -> None:
        """Start service `number` in the foreground of a process of its own."""
        environment = {
            **os.environ,
            "PORT": str(self.ports[number]),
            "COORDINATION_DATA_DIR": str(self._folder),
            "COORDINATION_LOG_FILE": str(self._folder / f"service-{number}.log"),
            WEAKENED: self._weakened,
        }
        self._processes[number] = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.service", "run"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def signal_service(self, number: int, sent: signal.Signals) -> bool:
        """Send a signal to service `number`; after SIGKILL it is gone when this returns. False when it had ended."""
        process = self._processes[number]
        if process is None or process.poll() is not None:
            return False
        process.send_signal(sent)
        if sent == signal.SIGKILL:
            process.wait()
        return True

    def kill_postgres(self) -> bool:
        """Kill the postmaster, of which its backends die; false when it does not run at the moment.

        The backends are left alone on purpose: a SIGKILL in the middle of their crash recovery is a limit of Postgres.
        """
        family = self._postgres_family()[:1]
        _send(family, signal.SIGKILL)
        return bool(family)

    @contextlib.contextmanager
    def postgres_stopped(self) -> Generator[bool]:
        """Stop Postgres and all its backends for a while; false when it does not run at the moment."""
        family = self._postgres_family()
        _send(family, signal.SIGSTOP)
        try:
            yield bool(family)
        finally:
            _send(family, signal.SIGCONT)

    async def cut_connections(self, share: float) -> int:
        """Let Postgres end a share of the services' connections, one at least; returns how many it ended."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return int(await connection.fetchval(_CUT, share))
        finally:
            await connection.close()

    def _postgres_family(self) -> list[psutil.Process]:
        """The postmaster and its backends; empty when it does not run."""
        pid = self._postgres.pid
        try:
            postmaster = None if pid is None else psutil.Process(pid)
            return [] if postmaster is None else [postmaster, *postmaster.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> int:
        """Stop both services cleanly; returns how many processes of theirs were left behind."""
        for process in self._processes:
            if process is not None:
                process.terminate()
        for process in self._processes:
            if process is not None:
                process.wait(timeout=60)
        return 0 if self._postgres.pid is None else 1


def _send(family: list[psutil.Process], sent: signal.Signals) -> None:
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # one that ended meanwhile needs no signal
            member.send_signal(sent)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2).close()
    except (urllib.error.HTTPError, OSError):
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
