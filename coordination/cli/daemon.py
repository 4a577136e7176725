"""`coord daemon`: the process that hooks talk to begins, ends, and tells how it is. How, is in `daemon_background`."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from coordination.cli import daemon_background, daemon_log, systemd
from coordination.cli.output import OK, UNREACHABLE, USAGE, Failure, Json, emit, facts, progress, say, tell
from coordination.cli.place import coord, folder_variables, settings
from coordination.cli.plugin_copy import pinned_port
from coordination.daemon.folder import PORT, Folder, RunningDaemon, folder_in
from coordination.settings import Settings

LINES: Final = 50
HIGHEST_PORT: Final = 65535
UNKNOWN: Final = "unknown: the daemon does not answer"
SERVED: Final = "the tools of the plugin reach it"
NOT_SERVED: Final = "NOT SERVED, so tools do not work."

Port = Annotated[
    int | None,
    Parameter(
        help=f"Where it listens on 127.0.0.1; {PORT}, or what the plugin was installed with.",
        show_default=False,
    ),
]
_EXAMPLES: Final = """Examples:

    coord daemon status --json
    coord daemon start
    coord daemon stop
    coord daemon run --port 8766
    coord daemon logs --follow
    coord daemon install
    coord daemon uninstall
"""


def register(app: App) -> None:
    """Add the command and what it has below."""
    daemon = App(
        name="daemon", help="The process on this machine that the plugin talks to.", help_epilogue=_EXAMPLES
    )
    for command in (run, start, stop, status, logs, install, uninstall):
        daemon.command(command)
    daemon.default(status)
    app.command(daemon)


def run(*, port: Port = None, json: Json = False) -> int:
    """Run the daemon in the foreground; Ctrl-C stops it cleanly, a second Ctrl-C at once."""
    from coordination.cli import daemon_run  # noqa: PLC0415 - larger than all the others

    chosen = settings()
    folder, listens = folder_in(chosen.data_dir), port_of(chosen, port)
    found = daemon_background.find(folder)
    if found is not None:
        raise Failure(
            f"The daemon runs already, process {found.pid}.",
            mend=f"Stop it first: {coord('daemon stop')}",
            code="already_running",
        )
    daemon_background.prepare(folder)
    if json:
        emit({"state": "starting", "pid": os.getpid(), "port": listens, "folder": folder.path})
    daemon_run.run(chosen, folder, listens, daemon_run.daemon_of(chosen, folder, listens))
    return OK


def start(*, port: Port = None, json: Json = False) -> int:
    """Start the daemon in the background, and wait until it answers.

    The first terminal with the plugin does the same by itself. If it runs already, it says so.
    """
    chosen = settings()
    folder = folder_in(chosen.data_dir)
    port_of(chosen, port)
    found = daemon_background.find(folder)
    state = "started" if found is None else "already_running"
    if found is None:
        with progress("Starting", quiet=json):
            found = _begin(folder, port)
    elif port not in {None, found.port}:
        raise Failure(
            f"It runs already, process {found.pid}, on port {found.port}.",
            mend=f"To change that: {coord('daemon stop')}, then the same line again",
            code="already_running",
        )
    told = _facts(chosen, found)
    if json:
        emit({"state": state, **told})
        return OK
    say(f"The daemon runs{'' if state == 'started' else ' already'}: process {found.pid}, port {found.port}.")
    if told["port_trouble"] is not None:
        say(f"The port is {NOT_SERVED} {told['port_trouble']}")
        say(f"What to do: {coord('doctor')}")
    say(f"Stop it: {coord('daemon stop')}")
    return OK


def stop(*, json: Json = False) -> int:
    """Stop the daemon, and wait until it is gone. It gives back the leases of its terminals first.

    Terminals that run are not protected then, and say so; the next one starts it again.
    """
    chosen = settings()
    folder = folder_in(chosen.data_dir)
    found = daemon_background.find(folder)
    clean = True
    if found is not None:
        with progress("Stopping", quiet=json):
            clean = daemon_background.stop(folder, found)
    if json:
        pid = None if found is None else found.pid
        emit({"state": "not_running" if found is None else "stopped", "pid": pid, "killed": not clean})
    elif found is None:
        say("The daemon does not run.")
    else:
        by_force = " by force. What it held is free when its leases expire, within five minutes"
        say(f"Stopped process {found.pid}{'' if clean else by_force}.")
    return OK


def status(*, json: Json = False) -> int:
    """Show whether the daemon runs, since when, whether it reaches the service, and how many terminals it has."""
    chosen = settings()
    found = daemon_background.find(folder_in(chosen.data_dir))
    if found is None:
        raise Failure(
            "The daemon does not run. Edits in terminals with the plugin are not protected.",
            mend=f"Start it: {coord('daemon start')}",
            exit_code=UNREACHABLE,
            code="daemon_not_running",
        )
    told = _facts(chosen, found)
    if json:
        emit({"state": "running", **told})
        return OK
    say("The daemon runs.")
    facts(_rows(told))
    return OK


def logs(
    *,
    lines: Annotated[int, Parameter(help="How many of the last lines to show.")] = LINES,
    follow: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Go on with each line that comes; Ctrl-C ends it."),
    ] = False,
    json: Json = False,
) -> int:
    """Show what the daemon logged."""
    if lines < 0 or (follow and json):
        why = "--follow and --json do not go together" if follow and json else "--lines must not be negative"
        raise Failure(
            f"{why}.", mend=f"See: {coord('daemon logs --help')}", exit_code=USAGE, code="invalid_input"
        )
    log = folder_in(settings().data_dir).log
    if json:
        emit({"log": log, "lines": daemon_log.last(log, lines)})
        return OK
    if not log.exists():
        tell(f"There is no log yet: {log}")
    shown: Iterator[str] = daemon_log.follow(log, lines) if follow else iter(daemon_log.last(log, lines))
    try:
        for line in shown:
            say(line)
    except KeyboardInterrupt:
        # How it is meant to end.
        return OK
    return OK


def install(*, port: Port = None, json: Json = False) -> int:
    """Have systemd start the daemon when you log in, and again when it crashes.

    Without it the first terminal starts the daemon. Running it again changes nothing.
    """
    chosen = settings()
    folder, listens = folder_in(chosen.data_dir), port_of(chosen, port)
    options = [] if port is None else ["--port", str(listens)]
    systemd.require()
    change = systemd.install(systemd.unit_text(daemon_background.command(*options), folder_variables()))
    found = daemon_background.find(folder)
    if found is None:
        with progress("Starting", quiet=json):
            found = _begin(folder, None)
    if json:
        emit({"unit": systemd.unit_file(), "change": change, **_facts(chosen, found)})
        return OK
    say(f"{change:<10} {systemd.unit_file()}")
    say(f"The daemon runs, process {found.pid}; from now on systemd starts it when you log in.")
    say(f"Undo: {coord('daemon uninstall')}")
    return OK


def uninstall(*, json: Json = False) -> int:
    """Remove the daemon from systemd again, and stop it when systemd runs it. The plugin stays."""
    change = systemd.uninstall()
    if json:
        emit({"unit": systemd.unit_file(), "change": change})
    elif change == "unchanged":
        say("systemd does not have it.")
    else:
        say(f"{change:<10} {systemd.unit_file()}")
    return OK


def port_of(chosen: Settings, given: int | None) -> int:
    """Return the port that was typed or exported, else the one that the plugin was installed with, else what is set.

    Raises:
        Failure: it is none.
    """
    said = chosen.daemon_port if chosen.is_from_environment("daemon_port") else None
    port = given if given is not None else said or pinned_port(chosen.data_dir) or chosen.daemon_port
    if not 1 <= port <= HIGHEST_PORT:
        raise Failure(
            f"--port must be 1 to {HIGHEST_PORT}.",
            mend="Without it, it is 8765, or what the plugin was installed with.",
            exit_code=USAGE,
            code="invalid_input",
        )
    return port


def _begin(folder: Folder, port: int | None) -> RunningDaemon:
    if port is None and systemd.is_for(folder_variables()) and systemd.answers():
        systemd.start()
        return daemon_background.wait_until_it_answers(folder)
    options = [] if port is None else ["--port", str(port)]
    return daemon_background.start(folder, daemon_background.command(*options))


# Any: JSON.
def _facts(chosen: Settings, found: RunningDaemon) -> dict[str, Any]:
    """What is known of a daemon that runs; None is what it did not say."""
    said = daemon_background.told(found) or {}
    folder = folder_in(chosen.data_dir)
    return {
        "pid": found.pid,
        "since": datetime.fromtimestamp(float(found.started), UTC).isoformat(timespec="seconds"),
        "version": found.version,
        "service": said.get("service"),
        "terminals": said.get("terminals"),
        "agents": said.get("agents"),
        "unprotected": said.get("unprotected"),
        "unheard": said.get("unheard"),
        "port": found.port,
        "port_trouble": said.get("port_trouble"),
        "folder": str(folder.path),
        "log": str(folder.log),
        "systemd": "installed" if systemd.unit_file().exists() else "not installed",
    }


# Any: as above.
def _rows(told: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the facts as people read them: what is missing is said, and what is well takes no line of its own."""
    rows = {name: UNKNOWN if value is None else str(value) for name, value in told.items()}
    if told["service"] is not None:
        trouble = told["port_trouble"]
        rows["port"] += f": {SERVED if trouble is None else f'{NOT_SERVED} {trouble}'}"
    del rows["port_trouble"]
    del rows["unprotected"]
    del rows["unheard"]
    return [
        *rows.items(),
        *(("NOT PROTECTED", daemon_background.one_unprotected(one)) for one in told["unprotected"] or ()),
        *(("not known yet", daemon_background.one_unheard(one)) for one in told["unheard"] or ()),
    ]
