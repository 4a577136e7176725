"""The service in the background: start it detached, wait until it answers, stop it, each with a deadline.

A service is known by the record that it leaves (`app.running`), so only our own processes are ever signalled. Nothing
is printed here but progress.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil

from coordination.app import port, running
from coordination.app.port import PortUnavailable
from coordination.app.running import RunningService
from coordination.cli import detached
from coordination.cli.detached import LOOK_SECONDS
from coordination.cli.output import Failure
from coordination.cli.place import coord, services
from coordination.cli.probe import ask
from coordination.settings import CONFIG_VARIABLE, VARIABLES, Settings

START_SECONDS: Final = 90.0
"""How long a start may take; the first one makes a database, on a slow disk."""
READY_SECONDS: Final = 15.0
"""How long a service that answers may take until calls can be answered."""
STOP_SECONDS: Final = 30.0
USUAL_STOP_SECONDS: Final = 5
WORKER: Final = "coordination.app.worker"
KILL_SECONDS: Final = 10.0
_ENDED: Final = "The service ended while it started."


def beginning(chosen: Settings) -> str:
    """Return what is shown while a service starts."""
    first = chosen.dsn is None and not (chosen.data_dir / "postgres").exists()
    return (
        "Starting for the first time: a database is made, which takes some seconds" if first else "Starting"
    )


def start(chosen: Settings) -> RunningService:
    """Start the service, detached from this terminal, or find the one that somebody started just now.

    Returns:
        Its record. It may not answer yet.

    Raises:
        Failure: the port is taken, or the service ended while it started.
    """
    check_port(chosen, "up")
    folder = chosen.data_dir / "logs"
    try:
        chosen.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        child = detached.launch(
            [sys.executable, "-P", "-m", "coordination.app"],
            folder=chosen.data_dir,
            output=output_of(chosen),
            environment=_environment(chosen, folder / "service.log"),
        )
    except OSError as error:
        raise Failure(
            f"{error.filename} cannot be written: {error.strerror}.",
            mend=f"Choose another folder: {coord('up', **{VARIABLES['data_dir']: 'folder'})}",
        ) from error
    return _record_of(child, chosen, output_of(chosen))


def output_of(chosen: Settings) -> Path:
    """Return the file of what a service prints that `start` started, outside of its log."""
    return chosen.data_dir / "logs" / "service.out"


def check_port(chosen: Settings, command: str) -> None:
    """Make sure that the port is free, for `coord COMMAND`.

    Raises:
        Failure: it is not; with its holder, and the line that takes another port.
    """
    try:
        port.listen(chosen.host, chosen.port).close()
    except PortUnavailable as error:
        # A service that starts right now has the port first and its record a moment later.
        if not detached.soon(lambda: bool(services(chosen)), 1.0):
            raise unavailable(chosen, error, command) from error


def unavailable(chosen: Settings, error: PortUnavailable, command: str) -> Failure:
    """Return the failure for a port that cannot be listened on, with the line that takes another one."""
    message = str(error)
    reply = ask(f"http://{chosen.host}:{chosen.port}/health/detailed", timeout=1.0) if error.taken else None
    if reply is not None and b'"service": "coordination"' in reply.body:
        message += " It is a coordination service, on another data folder."
    free = port.free_port(chosen.host, max(chosen.port, 1024))
    mend = f"Take another one: {coord(command, PORT=str(free))}" if free else ""
    return Failure(message, mend=mend, code="port_unavailable")


def wait_until_ready(service: RunningService, output: Path) -> str:
    """Wait until calls can be answered.

    Args:
        service: what was started.
        output: the file of what it prints.

    Returns:
        "" when they can; else what the service says is missing: it runs, and keeps trying.

    Raises:
        Failure: the service ended, or never answered.
    """
    deadline = time.monotonic() + START_SECONDS
    answered: float | None = None
    detail = ""
    while time.monotonic() < deadline:
        reply = ask(f"{service.url}/ready", timeout=deadline - time.monotonic())
        if reply is not None:
            if reply.status == 200:  # noqa: PLR2004 - HTTP's word for yes
                return ""
            detail = reply.detail or f"it answers with HTTP {reply.status}"
            answered = answered or time.monotonic()
            if time.monotonic() - answered > READY_SECONDS:
                return detail
        elif not running.is_alive(service):
            if said := detached.said(output):
                raise Failure(f"{_ENDED}\n{said}")
            mend = f"See what is wrong: {coord('doctor')}"
            raise Failure(f"{_ENDED}{detached.last_lines(service.log)}", mend=mend)
        time.sleep(LOOK_SECONDS if answered is None else 10 * LOOK_SECONDS)
    raise Failure(
        f"The service runs, and did not answer within {START_SECONDS:.0f} seconds.{detached.last_lines(service.log)}",
        mend=f"Stop it: {coord('down', PORT=str(service.port))}",
    )


def stop(service: RunningService) -> bool:
    """Stop a service and wait for it: cleanly, and when it does not end within 30 s by force, which loses nothing.

    A service that lets its calls finish for longer than usual gets as much more.

    Returns:
        Whether it ended cleanly.

    Raises:
        Failure: it may not be signalled, or does not end.
    """
    workers = _workers_of(service)
    clean = detached.end(
        service.pid,
        lambda: running.is_alive(service),
        clean=STOP_SECONDS + service.stop_seconds - USUAL_STOP_SECONDS,
        forced=KILL_SECONDS,
    )
    _, left = psutil.wait_procs(workers, timeout=0)
    for worker in left:
        worker.kill()
    psutil.wait_procs(left, timeout=KILL_SECONDS)
    return clean


def _workers_of(service: RunningService) -> list[psutil.Process]:
    """The processes that serve for a service: after its death by force they would have to notice it first."""
    try:
        children = psutil.Process(service.pid).children() if service.workers > 1 else []
        return [child for child in children if WORKER in child.cmdline()]
    except psutil.Error:
        return []


def wait_for_postgres(data_dir: Path, seconds: float) -> int | None:
    """Wait until the embedded Postgres of a folder is gone, and return its process id when it is not."""
    # Here, because it works on systems with Unix sockets only.
    from coordination.embedded import EmbeddedPostgres  # noqa: PLC0415

    postgres = EmbeddedPostgres(data_dir)
    detached.soon(lambda: postgres.pid is None, seconds)
    return postgres.pid


def _environment(chosen: Settings, log: Path) -> dict[str, str]:
    """What the service is told: what we were told, with paths that do not depend on our folder."""
    kept = {
        VARIABLES["data_dir"]: str(chosen.data_dir),
        VARIABLES["log_file"]: str(chosen.log_file or log),
        "PYTHONUNBUFFERED": "1",
    }
    if os.environ.get(CONFIG_VARIABLE):
        kept[CONFIG_VARIABLE] = os.path.abspath(os.path.expanduser(os.environ[CONFIG_VARIABLE]))
    return {**os.environ, **kept}


def _record_of(child: "subprocess.Popen[bytes]", chosen: Settings, output: Path) -> RunningService:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = next((one for one in services(chosen) if one.pid == child.pid), None)
        if found is not None:
            return found
        if child.poll() is not None:
            # It lost the port to one that was started at the same moment: that one is as good.
            other = services(chosen)
            if other:
                return other[0]
            raise Failure(f"{_ENDED}\n{detached.said(output) or 'It said nothing.'}")
        time.sleep(LOOK_SECONDS)
    child.kill()
    raise Failure(
        f"The service did not start within {START_SECONDS:.0f} seconds.{detached.last_lines(output)}"
    )
