"""`coord sessions`: list the sessions, close one, set what checkouts mean to each other in one."""

import shlex
from typing import Annotated, Literal

from cyclopts import App, Parameter

from coordination.cli import place
from coordination.cli.output import OK, Json, emit, say
from coordination.cli.reach import how_to_begin, person, service
from coordination.cli.status import as_json, print_lines

sessions = App(
    name="sessions",
    help="List, close and configure sessions.",
    help_epilogue="""Examples:

    coord sessions
    coord sessions close demo
    coord sessions set demo --across-checkouts block
""",
    usage="Usage: coord sessions [list | close NAME | set NAME --across-checkouts block|warn]",
)

Name = Annotated[str, Parameter(help="The session.")]


def register(app: App) -> None:
    """Add the commands to `app`."""
    app.command(sessions)


@sessions.default
@sessions.command(name="list")
def show(*, json: Json = False) -> int:
    """List the sessions with their agents and locks."""
    with service() as client:
        found = client.sessions()
    if json:
        emit({"sessions": as_json(found)})
        return OK
    if not found:
        say("There is no session yet.")
        say(how_to_begin())
        return OK
    from rich.text import Text  # noqa: PLC0415 - `coord --help` is quick without it

    from coordination.domain.text import clean  # noqa: PLC0415 - as above

    width = max(len("session"), *(len(clean(one.id, 64)) for one in found))
    lines = [Text(f"{'session':<{width}}  {'status':<8}  agents  locks  across checkouts", style="dim")]
    lines += [
        Text(
            f"{clean(one.id, 64):<{width}}  {clean(one.status, 8):<8}  {one.agents:>6}  {one.locks:>5}  "
            f"{one.across_checkouts.value}"
        )
        for one in found
    ]
    print_lines(lines)
    return OK


@sessions.command
def close(name: Name, /, *, json: Json = False) -> int:
    """Close a session; its checkouts may then join another one. Whoever joins it again opens it."""
    with service(name) as client:
        totals = client.status(name).totals  # before, because whoever is there counts as away afterwards
        settings = client.configure(name, person(client), status="closed")
    left, active = int(totals["locks"]), int(totals["active"])
    if json:
        emit({**settings.model_dump(), "locks": left, "active": active})
        return OK
    say(f"Session {name} is closed. Whoever joins it again opens it.")
    there = [f"{left} lock(s)"] * bool(left) + [f"{active} active agent(s)"] * bool(active)
    if there:
        say(f"{' and '.join(there)} are still there; an agent that calls a tool joins again.")
    if left:
        say(f"Take the locks: {place.coord(f'revoke {shlex.quote(name)} --all')}")
    return OK


@sessions.command(name="set")
def configure(
    name: Name,
    /,
    *,
    across_checkouts: Annotated[
        Literal["block", "warn"],
        Parameter(help="What a lock in one checkout means in the session's other checkouts."),
    ],
    json: Json = False,
) -> int:
    """Set whether a lock in one checkout blocks the others too, or only warns them."""
    with service(name) as client:
        settings = client.configure(name, person(client), across_checkouts=across_checkouts)
    if json:
        emit(settings.model_dump())
    else:
        say(f"Session {name}: locks in other checkouts {settings.across_checkouts} now.")
    return OK
