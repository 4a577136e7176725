"""Which services run on a data folder: each leaves a record there while it lives, and commands find it by that.

A record names the process by its id and its start time, because ids are used again. Whoever looks removes the
records of services that are gone, so a killed service needs no cleaning up. Two services on one folder have two
records.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil
from pydantic import TypeAdapter

FOLDER: Final = "services"
# The clock of the machine may be set while a service runs, and start times are derived from it.
SAME_START_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class RunningService:
    """One service that runs.

    Attributes:
        pid: its process id.
        started: when the process began, in seconds since 1970.
        url: where it answers, with its prefix, such as `http://127.0.0.1:8000`.
        port: the port in it.
        database: `embedded`, or host and name of a database of your own; no credential.
        log: its log file, None when it logs to its terminal.
        needs_token: whether every client has to send the local token.
        version: its release.
        workers: how many processes serve.
        stop_seconds: how long its running calls may take to finish once it stops.
        hosted: whether every request needs a credential.
        public_url: the address under which clients reach a hosted one, with its prefix; None when it was not told.
    """

    pid: int
    started: float
    url: str
    port: int
    database: str
    log: str | None
    needs_token: bool
    version: str
    # With defaults, because a release that knew none of them may have left the record.
    workers: int = 1
    stop_seconds: int = 5
    hosted: bool = False
    public_url: str | None = None


_RECORD: Final = TypeAdapter(RunningService)


def started_at(pid: int) -> float | None:
    """When the process began, None when there is none (a dead one that nobody has waited for is none)."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def is_alive(service: RunningService) -> bool:
    """Whether that very process still runs, not another one under its id."""
    started = started_at(service.pid)
    return started is not None and abs(started - service.started) < SAME_START_SECONDS


def record(data_dir: Path, service: RunningService) -> None:
    """Leave the record of a service, at once or not at all.

    Raises:
        OSError: the data folder cannot be written.
    """
    path = _path(data_dir, service.pid)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(service), file)
    aside.replace(path)


def forget(data_dir: Path, pid: int) -> None:
    """Remove the record of a service, if there is one."""
    with suppress(OSError):
        _path(data_dir, pid).unlink()


def find(data_dir: Path) -> list[RunningService]:
    """Return the services that run on a data folder, the oldest first, and remove the records of dead ones."""
    alive: list[RunningService] = []
    for path in sorted((data_dir / FOLDER).glob("*.json")):
        service = _read(path)
        if service is not None and is_alive(service):
            alive.append(service)
        else:
            with suppress(OSError):
                path.unlink()
    return sorted(alive, key=lambda service: service.started)


def _path(data_dir: Path, pid: int) -> Path:
    return data_dir / FOLDER / f"{pid}.json"


def _read(path: Path) -> RunningService | None:
    try:
        service = _RECORD.validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return service if path.stem == str(service.pid) else None
