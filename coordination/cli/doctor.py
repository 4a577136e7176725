"""`coord doctor`: look at every part, and say of each failing one how to mend it. It changes nothing."""

from typing import Final

from cyclopts import App

from coordination.cli.checks import Check, machine_checks
from coordination.cli.endpoint_checks import endpoint_checks
from coordination.cli.output import FOUND, OK, Json, emit, say
from coordination.cli.place import settings, target

_EXAMPLES: Final = """Examples:

    coord doctor
    coord doctor --json
"""


def register(app: App) -> None:
    """Add the command."""
    app.command(doctor, help_epilogue=_EXAMPLES)


def doctor(*, json: Json = False) -> int:
    """Check everything, and say how to mend what fails. Exits with 5 when something does.

    It looks at the folders, the port, the database, its migrations and its clock, the endpoint, and at what Claude
    Code sees and Cursor does not.
    """
    chosen = settings()
    place = target(chosen)
    checks: list[Check] = []
    for source in (machine_checks(chosen, place.service), endpoint_checks(place)):
        for check in source:
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


def _show(check: Check) -> None:
    mark = {"ok": "ok", "failed": "FAILED", "skipped": "skipped"}[check.state]
    say(f"{mark:<8} {check.name:<22} {check.found}")
    if check.mend:
        say(f"{'':<8} {'':<22} {check.mend}")
