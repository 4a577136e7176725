"""`coord doctor`: look at every part, and say of each failing one how to mend it. It changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cyclopts import App

from coordination.cli.checks import Check, machine_checks
from coordination.cli.endpoint_checks import endpoint_checks
from coordination.cli.gate_checks import gate_checks
from coordination.cli.output import FOUND, OK, Failure, Json, emit, say
from coordination.cli.place import elsewhere
from coordination.cli.remote_checks import remote_checks
from coordination.cli.target import meant
from coordination.settings import DEFAULT, VARIABLES, Settings, examine

_EXAMPLES: Final = """Examples:

    coord doctor
    coord doctor --json
"""


def register(app: App) -> None:
    """Add the command."""
    app.command(doctor, help_epilogue=_EXAMPLES)


def doctor(*, json: Json = False) -> int:
    """Check everything, and say how to mend what fails. Exits with 5 when something does.

    It looks at the settings, the folders, the port, the database, its migrations and its clock, the endpoint, and at
    what Claude Code sees and Cursor does not. Of a hosted service it looks at the connection to it, at the credential
    and what that allows, at what clients see with it, and at the token of this folder's terminals;
    on the machine where it runs, at that as well.

    Where the plugin is installed it proves that the gate fires: two made-up terminals want to write one scratch file,
    through the hooks as they are installed, and the second must be refused. It looks at all that would keep Claude Code
    from calling them, too. To run it in a project looks at that project's settings.
    """
    checks: list[Check] = []
    for check in _look():
        checks.append(check)
        if not json:
            _show(check)
    failed = [check for check in checks if check.state == "failed"]
    if json:
        emit({"well": not failed, "checks": [check.as_json() for check in checks]})
    else:
        say()
        say(f"{len(failed)} to mend." if failed else "All is well.")
    return FOUND if failed else OK


def _look() -> Iterator[Check]:
    read = examine()
    for problem in read.problems:
        yield Check("settings", "failed", problem.says, problem.mend)
    if read.problems:
        # What was looked at otherwise might not be what was meant.
        yield Check("everything else", "skipped", "the settings come first")
        return
    yield Check("settings", "ok", _told(read.settings))
    try:
        place = meant(read.settings)
    except Failure as failure:
        yield Check("login", "failed", failure.message, failure.mend)
        return
    if place.service is not None or place.remote is None:
        yield from machine_checks(read.settings, place.service)
    if place.remote is not None:
        yield from remote_checks(place)
    else:
        yield from endpoint_checks(place, elsewhere(read.settings))
    yield from gate_checks(read.settings, Path.cwd())


def _told(chosen: Settings) -> str:
    told = [name for name in VARIABLES if chosen.origin(name) != DEFAULT]
    return f"{', '.join(told)} told, the others are the defaults" if told else "all are the defaults"


def _show(check: Check) -> None:
    mark = {"ok": "ok", "failed": "FAILED", "skipped": "skipped"}[check.state]
    say(f"{mark:<8} {check.name:<22} {check.found}")
    for line in check.mend.splitlines():
        say(f"{'':<8} {'':<22} {line}")
