"""`coord up`, `coord run`, `coord down`: the service begins and ends. How, is in `background` and `app.server`."""

import os
from typing import Annotated, Final

from cyclopts import App, Parameter

from coordination.app.running import RunningService
from coordination.cli import background, daemon_background
from coordination.cli.output import OK, Failure, Json, emit, facts, progress, say, tell
from coordination.cli.place import (
    Target,
    claude_line,
    coord,
    coord_at,
    elsewhere,
    services,
    settings,
    token_of,
    unusable,
)
from coordination.daemon.folder import folder_in
from coordination.settings import EMBEDDED, VARIABLES, Settings, examine

SESSION: Final = "demo"
"""The session in the lines that we print; any other name does as well."""

Workers = Annotated[
    int | None,
    Parameter(help="How many processes serve the port.", show_default=False),
]

_UP_EXAMPLES: Final = """Examples:

    coord up
    coord up --workers 4
    PORT=8001 coord up
    DATABASE_URL=postgresql://user:password@host:5432/name coord up
"""
_RUN_EXAMPLES: Final = """Examples:

    coord run
    COORDINATION_MODE=hosted HOST=0.0.0.0 DATABASE_URL=postgresql://user:password@host:5432/name coord run
    COORDINATION_LOG_LEVEL=debug coord run
"""
_DOWN_EXAMPLES: Final = """Examples:

    coord down
    PORT=8001 coord down
"""


def register(app: App) -> None:
    """Add the commands."""
    app.command(up, help_epilogue=_UP_EXAMPLES)
    app.command(run, help_epilogue=_RUN_EXAMPLES)
    app.command(down, help_epilogue=_DOWN_EXAMPLES)


def up(*, workers: Workers = None, json: Json = False) -> int:
    """Start the service in the background, and wait until it is ready.

    It listens on 127.0.0.1 at PORT (8000) and keeps everything in COORDINATION_DATA_DIR. If it runs already, it says
    so.
    """
    chosen = _chosen(workers)
    found = services(chosen)
    state = "already_running" if found else "started"
    with progress(background.beginning(chosen), quiet=json or bool(found)):
        service = found[0] if found else background.start(chosen)
        _check_as_asked(chosen, service)
        missing = background.wait_until_ready(service, background.output_of(chosen))
    if missing:
        raise not_ready(chosen, service, missing)
    show(chosen, service, state, json=json)
    return OK


def _chosen(workers: int | None) -> Settings:
    """Read the settings, with what was typed instead of what was set."""
    if workers is not None:
        os.environ[VARIABLES["workers"]] = str(workers)  # what we start reads it there
    return settings()


def _check_as_asked(chosen: Settings, service: RunningService) -> None:
    """Make sure that a service that runs is as it is asked for: it stays as it was started.

    Raises:
        Failure: it is on another database, in another mode, or has another number of workers.
    """
    asked, has = "", ""
    if service.database != chosen.database_name:
        asked, has = f"not on {chosen.database_name}", service.database
    elif service.hosted != chosen.is_hosted:
        asked, has = f"not in {chosen.mode} mode", "hosted mode" if service.hosted else "local mode"
    elif service.workers != chosen.workers and chosen.is_from_environment("workers"):
        asked, has = f"not with --workers {chosen.workers}", f"--workers {service.workers}"
    if asked:
        raise Failure(
            f"It runs already, process {service.pid}, and {asked}.",
            mend=f"It runs with {has}; to change that: {coord_at(chosen, service, 'down')}, then the same line again",
            code="already_running",
        )


def run(*, workers: Workers = None, json: Json = False) -> int:
    """Run the service in the foreground; Ctrl-C stops it, a second Ctrl-C at once."""
    chosen = _chosen(workers)
    found = services(chosen)
    if found:
        raise Failure(
            f"It runs already: process {found[0].pid}, {found[0].url}.",
            mend=f"Stop it first: {coord_at(chosen, found[0], 'down')}",
            code="already_running",
        )
    background.check_port(chosen, "run")
    # Here, because the server is far larger than the rest of this command.
    from coordination.app.port import PortUnavailable  # noqa: PLC0415
    from coordination.app.server import serve  # noqa: PLC0415
    from coordination.app.workers import WorkersFailed  # noqa: PLC0415
    from coordination.embedded import PostgresUnavailable  # noqa: PLC0415

    def on_ready(service: RunningService, ready: bool) -> None:
        show(chosen, service, "started", json=json, here=True)
        if not ready and not json:
            tell("The database cannot be reached yet; the service keeps trying.")

    try:
        serve(chosen, on_ready=on_ready)
    except PortUnavailable as error:
        raise background.unavailable(chosen, error, "run") from error
    except PostgresUnavailable as error:
        raise Failure(str(error), code="postgres_unavailable") from error
    except WorkersFailed as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or 'The service'}: {error.strerror or error}") from error
    return OK


def down(*, json: Json = False) -> int:
    """Stop the service, its Postgres included, and wait until both are gone.

    With PORT only the service on that port; Postgres stays while another service uses it.
    """
    chosen, found = _to_stop()
    killed: list[int] = []
    with progress("Stopping", quiet=json or not found):
        for service in found:
            if not background.stop(service):
                killed.append(service.pid)
        left = _postgres_left(chosen, found)
    again = daemon_background.starts_again(folder_in(chosen.data_dir))
    if left is not None:
        raise Failure(f"Postgres still runs: process {left}. Another program holds it, or it does not end.")
    if json:
        stopped = [service.pid for service in found]
        state = "stopped" if found else "not_running"
        emit({"state": state, "stopped": stopped, "killed": killed, "starts_again": bool(again)})
    else:
        _say_stopped(chosen, found, killed)
        if again:
            say(again)
    return OK


def _to_stop() -> tuple[Settings, list[RunningService]]:
    """Return what runs and is to be stopped, also where settings that do not lead to it cannot be used.

    Raises:
        Failure: it cannot be told which service is meant.
    """
    read = examine()
    chosen = read.settings
    if not read.data_dir_known:
        raise unusable(read.problems)
    if any(problem.origin == VARIABLES["port"] for problem in read.problems):
        found = _others(chosen)
        if len(found) > 1:
            lines = [f"Stop the one on port {one.port}: {coord('down', PORT=str(one.port))}" for one in found]
            raise unusable(read.problems, *lines)
    for problem in read.problems:
        tell(f"{problem.says} {problem.mend}")
    return chosen, services(chosen)


def not_ready(chosen: Settings, service: RunningService, missing: str) -> Failure:
    """Return the failure for a service that runs but cannot answer calls."""
    from coordination.cli.checks import trouble  # noqa: PLC0415 - for a start that fails only

    why = trouble(chosen)
    said = f"{missing} The database: {why}." if why else missing
    return Failure(
        f"The service runs, but it is not ready. {said} It keeps trying.",
        mend=f"See what is wrong: {coord_at(chosen, service, 'doctor')}\n"
        f"Stop it: {coord_at(chosen, service, 'down')}",
        code="not_ready",
    )


def show(chosen: Settings, service: RunningService, state: str, *, json: bool, here: bool = False) -> None:
    """Print what runs, where, how to stop it, and how to connect Claude Code; `here`: it runs in this terminal."""
    own = Target(service.url, token_of(chosen, service), service)
    connect = coord_at(chosen, service, f"connect {SESSION}")
    # A hosted one asks for a credential, which no such line can hold.
    by_hand = None if service.hosted else claude_line(own, SESSION)
    login = coord(f"login {service.public_url or service.url}") if service.hosted else None
    stop_line = coord_at(chosen, service, "down")
    postgres = _postgres_pid(chosen, service)
    if json:
        emit(
            {
                "state": state,
                "url": service.url,
                "port": service.port,
                "pid": service.pid,
                "workers": service.workers,
                "version": service.version,
                "data_dir": chosen.data_dir,
                "database": service.database,
                "postgres_pid": postgres,
                "log": service.log,
                "stop": stop_line,
                "login": login,
                "connect": connect,
                "connect_by_hand": by_hand,
            }
        )
        return
    say("Coordination runs already." if state == "already_running" else "Coordination runs.")
    rows = [
        ("URL", service.url),
        (
            "process",
            f"{service.pid}, with {service.workers} workers" if service.workers > 1 else str(service.pid),
        ),
        ("database", f"embedded Postgres, process {postgres}" if postgres else service.database),
        ("data folder", str(chosen.data_dir)),
        ("log", service.log or ("this terminal" if here else f"the terminal of process {service.pid}")),
        ("stop it", "Ctrl-C" if here else stop_line),
    ]
    facts(rows)
    say()
    if login is not None:
        _say_how_to_come_in(chosen, login)
    say("Connect Claude Code, once in each checkout:")
    say(f"  {connect}")
    if by_hand is not None:
        say("or by hand:")
        say(f"  {by_hand}")
    say("Then start each terminal under a name of its own:")
    say("  claude")
    say("  COORD_AGENT=impl_a claude")
    say(f"Or have every edit protected, in all projects and without names:\n  {coord('install')}")


def _say_how_to_come_in(chosen: Settings, login: str) -> None:
    if chosen.bootstrap_token is None:
        say(f"It asks everybody for a credential. Log in:\n  {login}\n")
        return
    say("It asks everybody for a credential. The first owner comes in with the bootstrap token, once:")
    say(f"  {login} --bootstrap\nand then invites others:\n  {coord('workspace invite NAME')}\n")


def _say_stopped(chosen: Settings, found: list[RunningService], killed: list[int]) -> None:
    for service in found:
        how = (
            " by force: it did not end by itself within 30 s. Nothing is lost"
            if service.pid in killed
            else ""
        )
        say(f"Stopped process {service.pid}, {service.url}{how}.")
    if not found:
        lines = elsewhere(chosen)
        say(f"Nothing runs on port {chosen.port}.\n{lines}" if lines else "Nothing runs.")


def _others(chosen: Settings) -> list[RunningService]:
    from coordination.app import running  # noqa: PLC0415 - rarely needed

    return running.find(chosen.data_dir)


def _postgres_left(chosen: Settings, stopped: list[RunningService]) -> int | None:
    """Wait for the embedded Postgres to end, unless another service shares it or there is none."""
    used = chosen.dsn is None or any(service.database == EMBEDDED for service in stopped)
    if not used or not chosen.data_dir.is_dir() or _others(chosen):
        return None
    return background.wait_for_postgres(chosen.data_dir, background.STOP_SECONDS)


def _postgres_pid(chosen: Settings, service: RunningService) -> int | None:
    if service.database != EMBEDDED:
        return None
    from coordination.embedded import EmbeddedPostgres  # noqa: PLC0415 - a database of one's own needs none

    return EmbeddedPostgres(chosen.data_dir).pid
