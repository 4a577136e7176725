"""Run Postgres for the local mode: start it, share it, notice that it died, stop it. It knows no SQL and no
schema.

Lifecycle. A data folder holds ``postgres/`` (the cluster), ``postgres.lock`` and ``logs/postgres.log``.
Every service that is started on the folder calls ``start()``; the one that gets the lock makes the cluster
if there is none and starts the server as its guarded child, the others find it running and share it. Nobody
is appointed: when the server is gone, for whatever reason, the lock is free, and whoever looks next starts
it again. That one look, in ``_advance``, is the whole protocol; ``start``, ``ensure`` and ``keep_alive``
only repeat it, each waiting in its own way.

Death of a service. Postgres ends with the service that started it (``watchdog.py``), by a fast shutdown
that loses nothing that was acknowledged. Other services on the folder see their connections close, and
their ``keep_alive`` starts the server anew, usually within half a second. A clean ``stop()`` by the starter
is the same hand-over: the server is bound to the life of its parent and cannot be given away, so it is
stopped and the next one starts it. ``stop()`` by a service that shares it touches nothing.

Not thread-safe; made for the main thread, to which the death signal is bound (elsewhere the pipe guard is
used).
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from coordination.domain.trouble import Told, tell
from coordination.embedded import cluster
from coordination.embedded.account import account_for
from coordination.embedded.binaries import DEFAULT_MAJOR, Binaries, find_binaries, private_copy
from coordination.embedded.errors import PostgresUnavailable
from coordination.embedded.lock import is_free, try_lock
from coordination.embedded.log_file import LogFile
from coordination.embedded.obstacles import Obstacles, ask, end_leftovers, postmaster_runs, session_of
from coordination.embedded.options import PORT, options
from coordination.embedded.socket_folder import SOCKET, make_private, socket_folder
from coordination.embedded.spawn import Child, Place, choose_guard, spawn
from coordination.embedded.watchdog import PATIENCE

START_SECONDS = 60.0
"""How long a start may take before it is called a failure; a recovery after a crash takes seconds at most."""
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""Exit statuses of a child that had to be killed, or of the watchdog that had to kill it."""
LOOK_SECONDS = 0.01
RETRY_SECONDS = 2.0

_log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """The Postgres of one data folder, shared by all services on that folder.

    Args:
        data_dir: the data folder; made when missing. Below it the cluster, its lock and its log.
        max_connections: for a server that we start; who shares a running one takes it as it is.
        watchdog: how Postgres learns of our death; ``auto`` takes the kernel's signal where there is one.
        settings: Postgres settings that replace ours, for a server whose databases may be thrown away.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        max_connections: int = 60,
        watchdog: Literal["auto", "signal", "pipe"] = "auto",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._home = Path(os.path.abspath(data_dir))  # not resolve(): the person may move what links point to
        self._cluster = self._home / "postgres"
        self._lock = self._home / "postgres.lock"
        self._log_file = LogFile(self._home / "logs" / "postgres.log")
        self._max_connections = max_connections
        self._settings = dict(settings or {})
        self._watchdog: Literal["auto", "signal", "pipe"] = watchdog
        self._child: Child | None = None
        self._served = False  # our child was ready once
        self._had_cluster = False
        self._wanted = False
        self._obstacles = Obstacles(self._cluster)

    @property
    def dsn(self) -> str:
        """How asyncpg connects: the private socket, database and user ``coordination``."""
        folder = quote(str(socket_folder(self._cluster)), safe="/")
        return f"postgresql://{cluster.NAME}@/{cluster.NAME}?host={folder}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster while it runs, whoever started it."""
        found = self._running()
        return found.pid if found else None

    @property
    def version(self) -> str:
        """The full version of the server's programs, such as ``18.4``."""
        return find_binaries(cluster.major_version(self._cluster) or DEFAULT_MAJOR).version()

    def start(self) -> str:
        """Have a server that answers: make the cluster, start it, or share the running one. Blocks.

        Returns:
            The DSN.

        Raises:
            PostgresUnavailable: it cannot be had here; the message says why and names the way out.
        """
        self._wanted = True
        try:
            self._become_ready()
        except BaseException:
            self.stop()
            raise
        return self.dsn

    def ensure(self) -> bool:
        """Start the server again if it is gone. Cheap when it is not; blocks while it starts.

        Returns:
            Whether it had to be started or awaited.

        Raises:
            PostgresUnavailable: as `start`.
        """
        if self.alive():
            return False
        self._become_ready()
        return True

    async def keep_alive(self, interval: float = 0.25) -> None:
        """Start the server again whenever it is gone, until `stop` is called or this is cancelled.

        What is wrong now may be mended later, so it is tried again, never raised; the log is told when it begins, and
        ever more seldom while it goes on. A cluster
        that somebody deletes under a running service is not made anew: an empty one would look as if all
        were well.

        Args:
            interval: seconds between two looks.
        """
        told: Told | None = None
        while self._wanted:
            try:
                if self.alive():
                    told = None
                    self._log_file.cut()
                    await asyncio.sleep(interval)
                elif not self._advance():
                    await asyncio.sleep(LOOK_SECONDS)
            except (PostgresUnavailable, OSError) as error:
                fresh = tell(told, str(error), time.monotonic())
                if fresh is not None:
                    told = fresh
                    _log.error("the embedded Postgres is away: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    def alive(self) -> bool:
        """Whether the server runs and takes connections. A few system calls; no connection is made."""
        if self._child and self._child.poll() is not None:
            return False
        found = self._running()
        if found is None or found.status != "ready":
            return False
        return postmaster_runs(found.pid) and self._socket.exists()

    def stop(self) -> None:
        """Stop the server, and wait for it, if we started it; a shared one is left alone. Idempotent."""
        self._wanted = False
        child, self._child = self._child, None
        if child is None:
            return
        if child.stop(PATIENCE) in KILLED:
            end_leftovers(self._cluster)
        with suppress(OSError):  # the disk may be full or the folder gone; then this is the least trouble
            self._tidy()

    def _tidy(self) -> None:
        """Remove a socket folder that was made beside the cluster, unless the next server is there already."""
        folder = socket_folder(self._cluster)
        lock = try_lock(self._lock) if folder != self._cluster else None
        if lock is not None:
            try:
                folder.rmdir()
            finally:
                os.close(lock)

    def _running(self) -> cluster.Postmaster | None:
        """What the postmaster says of itself, if one lives; a folder that we may not look into has none."""
        try:
            return None if is_free(self._lock) else cluster.read_postmaster(self._cluster)
        except OSError:
            return None

    @property
    def _socket(self) -> Path:
        return socket_folder(self._cluster) / SOCKET

    def _become_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._advance():
            if time.monotonic() > deadline:
                written = cluster.last_lines(self._log_file.since_start())
                raise PostgresUnavailable(f"it was not ready within {START_SECONDS:.0f} seconds.", written)
            time.sleep(LOOK_SECONDS)

    def _advance(self) -> bool:
        """Look once and take the one step that leads towards a ready server; True when it is ready."""
        self._part_with_ended_child()
        if self.alive():
            self._served = self._had_cluster = True
            self._obstacles.forget()
            return True
        lock = self._try_lock()
        if lock is None:
            self._clear_the_way()
            return False
        try:
            self._launch(lock)
        finally:
            os.close(lock)
        return False

    def _try_lock(self) -> int | None:
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            return try_lock(self._lock)
        except OSError as error:
            raise cluster.unusable(self._home, error) from error

    def _launch(self, lock: int) -> None:
        """Start the server, which inherits `lock`. The cluster is made first if there is none."""
        if self._child:  # its lock was deleted together with the data folder
            self._child.stop(PATIENCE)
        account = account_for(self._cluster)
        place = Place(self._cluster, account)
        major = cluster.major_version(self._cluster)
        if major is None and self._had_cluster:
            raise PostgresUnavailable(
                f"{self._cluster} was deleted while it was in use; start the service anew."
            )
        binaries = find_binaries(major or DEFAULT_MAJOR)
        if account:
            binaries = private_copy(binaries, account)
        guard = choose_guard(self._watchdog)
        try:
            if major is None:
                cluster.create(place, binaries, guard)
            cluster.forget_postmaster(self._cluster)
            told = make_private(socket_folder(self._cluster), place)
            with self._log_file.open() as log:
                self._child = spawn(
                    self._command(binaries, place, told), place, guard=guard, stdout=log, lock=lock
                )
            self._served = False
        except OSError as error:
            raise cluster.unusable(self._home, error) from error

    def _command(self, binaries: Binaries, place: Place, told: str) -> list[str]:
        chosen = options(
            major=binaries.major,
            max_connections=self._max_connections,
            socket_folder=told,
            settings=self._settings,
        )
        return [str(binaries.postgres), "-D", place.pgdata, *chosen]

    def _part_with_ended_child(self) -> None:
        """Forget our child when it has ended; one that never got ready is a failure to report."""
        child = self._child
        if child is None or child.poll() is None:
            return
        self._child = None
        child.let_go()
        left = self._running() if child.guard == "pipe" else None
        if left and session_of(left.pid) == child.program.pid:
            ask(
                left.pid, signal.SIGINT
            )  # only the watchdog was killed; its server is unguarded, so start over
        elif not self._served:
            written = cluster.last_lines(self._log_file.since_start())
            raise cluster.unavailable("the server ended while it started.", written)

    def _clear_the_way(self) -> None:
        """The lock is taken, no server ready: mostly one starts or stops. See to what would never end."""
        found = cluster.read_postmaster(self._cluster)
        if found:
            self._obstacles.look(found, self._socket)
        elif self._child and self._served:
            self._child.interrupt()  # somebody removed the cluster under our server
