"""Several processes that serve one port: they are started, replaced when they die, and stopped together.

One listening socket is shared, so the kernel gives each new connection to one of them, and a worker that dies takes
only its own connections along. What there is once stays here, in the parent: the port, the embedded Postgres, the
record, the signals, the rotation of the log. The parent serves nothing and imports no server, so it stays small and has
little that could fail.

Why not uvicorn's own `Multiprocess`. Its workers run a plain server, which at the end does not tell waiting calls to
retry; it waits for their end without a limit; it takes every worker's failure to start for its own end, also that of a
replacement an hour later; it looks for dead workers twice a second and starts a broken one anew as often; it leaves its
workers behind when it is killed; and it knows nothing of a Postgres that must stay alive beside it.

Beginning. The first worker comes up alone: if the schema is behind, it migrates it, and the others find nothing to do.
Once it answers the others are started. When it cannot even begin, neither could they, and the service ends with its
failure.

Death of a worker. It is replaced at once. One that did not live long is replaced after a pause that grows, so that
what is wrong for good costs no processor. Its connections are closed by the kernel, so its clients know; what it
acknowledged is in the database; waiting claims of it are passed over after three seconds, as after any crash.

Death of the parent. A worker's standard input ends with it, and the worker then stops by itself.
"""

import asyncio
import os
import pickle
import signal
import socket
import sys
from contextlib import suppress
from typing import Final

import structlog

from coordination.app import logs, worker_metrics
from coordination.app.serving import Answers
from coordination.app.stop import Stop
from coordination.app.worker import READY
from coordination.embedded import EmbeddedPostgres
from coordination.settings import Settings

STEADY_SECONDS: Final = 10.0
"""Who lived so long did not die of its start."""
MOST_PAUSE_SECONDS: Final = 30.0
END_SECONDS: Final = 12.0
"""What a worker gets beyond `stop_seconds`: for what outlives its calls, and for closing."""
ROTATE_SECONDS: Final = 5.0
_log: Final = structlog.stdlib.get_logger(__name__)


class WorkersFailed(Exception):
    """No process could serve; what was wrong stands in the log or on standard error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The process that serves ended while it started, with status {status}.")


def supervise(
    settings: Settings,
    listener: socket.socket,
    postgres: EmbeddedPostgres | None,
    stop: Stop,
    on_ready: Answers,
) -> None:
    """Have `settings.workers` processes serve a port until `stop` is told to. Call it in the main thread.

    Args:
        settings: what the service was told.
        listener: the port; it is closed when the end begins.
        postgres: the embedded Postgres, which is kept alive here; None with a database of one's own.
        stop: whose signals count.
        on_ready: called once the first worker answers.

    Raises:
        WorkersFailed: the first worker ended before it answered.
    """
    asyncio.run(_Workers(settings, listener, on_ready).run(stop, postgres))


class _Workers:
    """The workers of one service."""

    def __init__(self, settings: Settings, listener: socket.socket, on_ready: Answers) -> None:
        self._settings = settings
        self._listener = listener
        self._on_ready = on_ready
        self._metrics = worker_metrics.fresh_folder(settings.data_dir)
        self._stopping = asyncio.Event()
        self._answers = asyncio.Event()
        self._alive: set[asyncio.subprocess.Process] = set()
        # The event loop forgets tasks that nobody holds.
        self._hearing: set[asyncio.Task[None]] = set()

    async def run(self, stop: Stop, postgres: EmbeddedPostgres | None) -> None:
        loop = asyncio.get_running_loop()

        def begin() -> None:
            loop.call_soon_threadsafe(
                self._stopping.set
            )  # wakes the loop, too, which a signal alone does not

        stop.meets(begin, self._kill)
        beside = [asyncio.create_task(self._rotate())]
        if postgres is not None:
            beside.append(asyncio.create_task(postgres.keep_alive()))
        try:
            first = asyncio.create_task(self._keep_one())
            others: list[asyncio.Task[None]] = []
            if await self._came(self._answers, first):
                others = [asyncio.create_task(self._keep_one()) for _ in range(self._settings.workers - 1)]
            await self._came(self._stopping, first)
            await self._end([first, *others])
        finally:
            self._kill()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            worker_metrics.remove(self._metrics)

    async def _came(self, event: asyncio.Event, first: asyncio.Task[None]) -> bool:
        """Wait for an event, for the end of the service at most; what failed in the first worker's place is raised."""
        waits = [asyncio.create_task(one.wait()) for one in (event, self._stopping)]
        await asyncio.wait([first, *waits], return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if first.done():
            first.result()
        return event.is_set() and not self._stopping.is_set()

    async def _keep_one(self) -> None:
        """Have a worker in one place until the service stops."""
        loop = asyncio.get_running_loop()
        pause = 0.0
        while not self._stopping.is_set():
            began = loop.time()
            worker = await self._start()
            status = await worker.wait()
            self._alive.discard(worker)
            worker_metrics.forget_worker(self._metrics, worker.pid)
            if self._stopping.is_set():
                return
            if not self._answers.is_set():
                raise WorkersFailed(status)
            pause = (
                0.0 if loop.time() - began > STEADY_SECONDS else min(max(2 * pause, 1), MOST_PAUSE_SECONDS)
            )
            _log.warning("worker_replaced", pid=worker.pid, status=status, pause_seconds=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _start(self) -> asyncio.subprocess.Process:
        """Start a worker, tell it the settings, and listen for its word in the background."""
        descriptor = self._listener.fileno()
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "coordination.app.worker", str(descriptor)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=[descriptor],
            start_new_session=True,  # Ctrl-C in the terminal is for the parent
            env={**os.environ, worker_metrics.VARIABLE: str(self._metrics)},
        )
        self._alive.add(worker)
        if self._stopping.is_set():
            _ask_to_end(worker)
        assert worker.stdin is not None  # noqa: S101 - they are pipes, as asked for
        worker.stdin.write(pickle.dumps(self._settings))
        with suppress(OSError):
            await worker.stdin.drain()
        self._hear(worker)
        return worker

    def _hear(self, worker: asyncio.subprocess.Process) -> None:
        async def hear() -> None:
            assert worker.stdout is not None  # noqa: S101 - as above
            word = await worker.stdout.readline()
            if word and not self._answers.is_set():
                self._answers.set()
                self._on_ready(word == READY)

        task = asyncio.create_task(hear())
        self._hearing.add(task)
        task.add_done_callback(self._hearing.discard)

    async def _end(self, places: list[asyncio.Task[None]]) -> None:
        """Stop all workers: none is connected to any more, and each finishes what it has."""
        self._listener.close()
        for worker in self._alive:
            _ask_to_end(worker)
        _, late = await asyncio.wait(places, timeout=self._settings.stop_seconds + END_SECONDS)
        if late:
            _log.warning("workers_killed_at_stop", number=len(self._alive))
            self._kill()
            await asyncio.wait(late)

    def _kill(self) -> None:
        for worker in self._alive:
            with suppress(ProcessLookupError):
                worker.kill()

    async def _rotate(self) -> None:
        while True:
            await asyncio.sleep(ROTATE_SECONDS)
            logs.rotate()


def _ask_to_end(worker: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        worker.send_signal(signal.SIGTERM)
