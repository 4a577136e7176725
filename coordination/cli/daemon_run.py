"""The daemon in this process: what it is told of the service, and how it begins and ends.

This is where the daemon and the service meet: the daemon knows neither the settings nor how a service is started.
Which service is meant is looked for anew each time, because people log in and out, and services start and stop.
"""

import asyncio
import os
import re
from collections.abc import Callable, Coroutine
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coordination import __version__
from coordination.app import logs
from coordination.app.stop import Stop
from coordination.cli import background, claude_code, daemon_background, place, policy, target
from coordination.cli.connect import ENTRY
from coordination.cli.daemon_port import taking
from coordination.cli.output import Failure, tell
from coordination.daemon.folder import Folder, RunningDaemon
from coordination.daemon.single import AlreadyRunning, only_one
from coordination.repository.terminal import started_at
from coordination.settings import Settings

if TYPE_CHECKING:
    from coordination.daemon.connection import Found
    from coordination.daemon.terminals import Chosen

_REGISTERED: Final = re.compile(r"__session__(?P<session>.+)__\$\{COORD_AGENT:-(?P<agent>[^}]+)\}$")
_FOLDERS: Final = 256
"""Of how many folders it is remembered what was chosen for them."""
Serve = Callable[[asyncio.Event], Coroutine[None, None, None]]
"""Serves until the event is set, and then gives back what is held."""


def daemon_of(chosen: Settings, folder: Folder, port: int) -> Serve:
    """Return what serves as the daemon of a folder."""
    # Here, because the other commands need none of it.
    from coordination.daemon.daemon import Daemon  # noqa: PLC0415

    # Made once it serves: its folder is there then, and no other daemon has it.
    async def serve(stop: asyncio.Event) -> None:
        daemon = Daemon(
            folder,
            find=lambda: find_service(chosen),
            start=lambda: start_service(chosen),
            chosen=chosen_for,
            policy=policy.path(),
            listen=taking(port),
            environment=dict(os.environ),
        )
        await daemon.serve(stop)

    return serve


def chosen_for(folder: Path) -> "Chosen | None":
    """Return the session that `coord connect` registered for a folder, and the name of a terminal that has none.

    Every hook asks, and the file may have megabytes: it is read again only when it was changed.
    """
    try:
        found = claude_code.config_file().stat()
    except OSError:
        return None
    return _chosen_in(folder, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=_FOLDERS)
def _chosen_in(folder: Path, _version: tuple[int, int, int]) -> "Chosen | None":
    from coordination.daemon.terminals import Chosen  # noqa: PLC0415 - as above

    entry = claude_code.entry(ENTRY, folder)
    found = None if entry is None else _REGISTERED.search(str(entry.get("url", "")))
    return None if found is None else Chosen(found["session"], found["agent"])


def find_service(chosen: Settings) -> "Found | None":
    """Return the service to talk to; called in a thread.

    Raises:
        Failure: what names it cannot be used.
    """
    from coordination.daemon.connection import Found  # noqa: PLC0415 - as above

    found = target.meant(chosen)
    remote = found.remote
    user = (None if remote is None else remote.user) or place.user()
    return Found(found.url, found.token, None if remote is None else remote.workspace, user)


def start_service(chosen: Settings) -> None:
    """Start the local service in the background, unless a hosted one is meant or it runs; called in a thread.

    Raises:
        Failure: it cannot be started.
    """
    if target.meant(chosen).remote is not None or place.services(chosen):
        return
    service = background.start(chosen)
    background.wait_until_ready(service, background.output_of(chosen))


def run(chosen: Settings, folder: Folder, port: int, serve: Serve) -> None:
    """Be the daemon of a folder until a signal ends it.

    Args:
        chosen: the settings.
        folder: its folder.
        port: where it listens on loopback, to be told to others.
        serve: what serves.

    Raises:
        Failure: the folder cannot be used, or another daemon has it.
    """
    daemon_background.prepare(folder)
    stop = Stop()
    stop.watch()
    try:
        with only_one(folder):
            logs.configure(form=chosen.log_format, level=chosen.log_level, file=folder.log)
            folder.record(
                RunningDaemon(os.getpid(), started_at(os.getpid()), port, str(folder.socket), __version__)
            )
            tell(f"The daemon runs: process {os.getpid()}. Ctrl-C stops it.")
            asyncio.run(_until_stopped(serve, stop))
    except AlreadyRunning as error:
        raise Failure(
            str(error), mend=f"Stop it first: {place.coord('daemon stop')}", code="already_running"
        ) from None


async def _until_stopped(serve: Serve, stop: Stop) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin_to_stop() -> None:
        loop.call_soon_threadsafe(asked.set)

    stop.meets(begin_to_stop)
    await serve(asked)
