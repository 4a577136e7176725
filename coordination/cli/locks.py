"""`coord locks`: all live leases of a session, by path."""

from typing import TYPE_CHECKING, Final

from cyclopts import App

from coordination.cli.output import OK, Json, emit, say
from coordination.cli.reach import SessionName, how_to_begin, resolve, service
from coordination.cli.status import as_json, print_lines

if TYPE_CHECKING:
    from coordination.domain.file_lock import Lease

REASON: Final = 200

_EXAMPLES: Final = """Examples:

    coord locks
    coord locks demo --json
"""


def register(app: App) -> None:
    """Add the command to `app`."""
    app.command(locks, help_epilogue=_EXAMPLES, usage="Usage: coord locks [SESSION] [OPTIONS]")


def locks(session: SessionName = None, /, *, json: Json = False) -> int:
    """List the files that are locked, by whom and for how long."""
    with service(session) as client:
        if session is None and not client.sessions():
            return _show_nothing(json=json)
        name = resolve(client, session)
        found = client.locks(name)
    if json:
        emit({"session": name, "locks": as_json(found)})
    else:
        show_leases(found, f"No file is locked in session {name}.")
    return OK


def _show_nothing(*, json: bool) -> int:
    if json:
        emit({"session": None, "locks": []})
    else:
        say("No file is locked: no session was begun yet.")
        say(how_to_begin())
    return OK


def show_leases(leases: "list[Lease]", nothing: str) -> None:
    """Print leases for a person, one a line with the holder's reason below it; `nothing` when there are none."""
    from rich.text import Text  # noqa: PLC0415 - `coord --help` is quick without it

    from coordination.cli.duration import briefly  # noqa: PLC0415 - as above
    from coordination.cli.picture import shortened  # noqa: PLC0415 - as above
    from coordination.domain.text import clean  # noqa: PLC0415 - as above

    if not leases:
        print_lines([Text(clean(nothing, REASON))])
        return
    width = max(len(shortened(lease.path)) for lease in leases)
    holder = max(len(clean(lease.agent_id, 130)) for lease in leases)
    lines: list[Text] = []
    for lease in leases:
        lines.append(
            Text(
                f"{shortened(lease.path):<{width}}  {lease.operation.value:<6}  "
                f"{clean(lease.agent_id, 130):<{holder}}  {briefly(lease.expires_in_seconds)} left"
            )
        )
        if lease.reason:
            lines.append(Text(f'    "{clean(lease.reason, REASON)}"', style="dim"))
    print_lines(lines)
