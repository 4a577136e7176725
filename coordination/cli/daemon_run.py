"""The daemon in this process: what it is told of the service, and how it begins and ends.

This is where the daemon and the service meet: the daemon knows neither the settings nor how a service is started.
Which service is meant is looked for anew each time, because people log in and out, and services start and stop.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Final

from coordination import __version__
from coordination.app import logs
from coordination.app.stop import Stop
from coordination.cli import background, daemon_background, detached, place, policy, target
from coordination.cli.chosen import chosen_for
from coordination.cli.daemon_port import taking
from coordination.cli.output import Failure, tell
from coordination.cli.probe import ask
from coordination.daemon.folder import Folder, RunningDaemon
from coordination.daemon.single import AlreadyRunning, only_one
from coordination.repository.terminal import started_at
from coordination.settings import Settings

if TYPE_CHECKING:
    from coordination.daemon.connection import Found

ENDING_SECONDS: Final = background.STOP_SECONDS + background.KILL_SECONDS
"""How long a service may take to end."""
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


def find_service(chosen: Settings) -> "Found | None":
    """Return the service to talk to, None when it is the local one and does not run; called in a thread.

    On its port anybody of this machine may listen then, and would be believed whose every file is.

    Raises:
        Failure: what names it cannot be used.
    """
    from coordination.daemon.connection import Found  # noqa: PLC0415 - as above

    found = target.meant(chosen)
    remote = found.remote
    if remote is None and found.service is None:
        return None
    user = (None if remote is None else remote.user) or place.user()
    return Found(found.url, found.token, None if remote is None else remote.workspace, user)


def start_service(chosen: Settings) -> None:
    """Start the local service in the background, unless a hosted one is meant or it runs; called in a thread.

    One that is there and does not answer may be ending, as after `coord down`: then it is waited for. Without that
    nobody would start another one until the daemon tries again, a minute later.

    Raises:
        Failure: it cannot be started.
    """
    if target.meant(chosen).remote is not None:
        return
    detached.soon(lambda: _answers_or_is_gone(chosen), ENDING_SECONDS)
    if place.services(chosen):
        return
    service = background.start(chosen)
    background.wait_until_ready(service, background.output_of(chosen))


def _answers_or_is_gone(chosen: Settings) -> bool:
    there = place.services(chosen)
    return not there or ask(f"{there[0].url}/health") is not None


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
