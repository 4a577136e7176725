"""`coord status`: who is in a session, doing what, holding or waiting for what, and what needs attention."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from coordination.cli import place
from coordination.cli.output import OK, Json, console, emit, say
from coordination.cli.reach import SessionName, how_to_begin, no_such_agent, resolve, service

if TYPE_CHECKING:
    from rich.text import Text

    from coordination.cli.attention import Concern
    from coordination.client.service import ServiceClient
    from coordination.domain.event import Event
    from coordination.domain.session import SessionStatus

Everybody = Annotated[
    bool,
    Parameter(
        name="--all", negative="", show_default=False, help="Also agents that are inactive and hold nothing."
    ),
]
OnlyAgent = Annotated[
    str | None,
    Parameter(name="--agent", help="Only this agent, by name or as user/name.", show_default=False),
]

_EXAMPLES: Final = """Examples:

    coord status
    coord status demo --agent impl_a
    coord status demo --json
"""


def register(app: App) -> None:
    """Add the command to `app`."""
    app.command(status, help_epilogue=_EXAMPLES, usage="Usage: coord status [SESSION] [OPTIONS]")


def status(
    session: SessionName = None,
    /,
    *,
    agent: OnlyAgent = None,
    everybody: Everybody = False,
    json: Json = False,
) -> int:
    """Show who is here, doing what, holding or waiting for what.

    Below the agents stands what needs attention: agents that were shown the tools and never called one, two
    terminals under one name, locks of an agent that went quiet, a service that is not well.
    """
    with service(session) as client:
        if session is None and not client.sessions():
            return _show_nothing(ask_health(client), json=json)
        name = resolve(client, session)
        found = client.status(name, agent=agent, include_inactive=True)
        if agent is not None and not found.agents:
            raise no_such_agent(agent, name)
        health = ask_health(client)
    show(found, health, everybody=everybody or agent is not None, json=json)
    return OK


def _show_nothing(health: dict[str, Any] | None, *, json: bool) -> int:
    if json:
        emit({"session": None, "agents": [], "service": _word(health), "warnings": []})
    else:
        say("The service runs, and no session was begun yet.")
        say(how_to_begin())
    return OK


def ask_health(client: "ServiceClient") -> dict[str, Any] | None:
    """Read how the service is; None when it does not say."""
    from coordination.client.errors import ClientError  # noqa: PLC0415 - `coord --help` is quick without it

    try:
        return client.health()
    except ClientError:
        return None


def show(
    found: "SessionStatus",
    health: dict[str, Any] | None,
    *,
    everybody: bool,
    json: bool,
    events: "Sequence[Event] | None" = None,
) -> None:
    """Print a status, and below it events if there are any to show, as JSON or for people."""
    from rich.text import Text  # noqa: PLC0415 - as above

    from coordination.cli.attention import attention  # noqa: PLC0415 - as above
    from coordination.cli.event_line import told  # noqa: PLC0415 - as above
    from coordination.cli.picture import is_here, picture  # noqa: PLC0415 - as above

    concerns = [*attention(found, health, place.coord), *unprotected_here()]
    if not json:
        lines = picture(found, concerns, place.coord, everybody=everybody)
        if events:
            lines += [Text(), *told(events)]
        print_lines(lines)
        return
    answer = as_json(found)
    if not everybody:
        shown = {agent.agent_id for agent in found.agents if is_here(agent)}
        answer["agents"] = [agent for agent in answer["agents"] if agent["agent_id"] in shown]
    emit(
        {
            **answer,
            "service": _word(health),
            "warnings": [str(concern) for concern in concerns],
            **({} if events is None else {"events": as_json(events)}),
        }
    )


def unprotected_here() -> "list[Concern]":
    """Return what there is to say about terminals of this machine of which the daemon hears no hook."""
    from coordination.cli import daemon_background  # noqa: PLC0415 - as above
    from coordination.cli.attention import Concern  # noqa: PLC0415 - as above
    from coordination.daemon.folder import folder_in  # noqa: PLC0415 - as above

    return [
        Concern(f"{line} Look in that folder:", place.coord("doctor"))
        for line in daemon_background.unprotected(folder_in(place.settings().data_dir))
    ]


def _word(health: dict[str, Any] | None) -> str:
    return str((health or {}).get("status", "unknown"))


def as_json(value: object) -> Any:
    """Return a value of the domain as JSON has it."""
    from pydantic_core import to_jsonable_python  # noqa: PLC0415 - as above

    return to_jsonable_python(value)


def print_lines(lines: Sequence["Text"]) -> None:
    """Print lines for a person: fitted into a terminal's width, whole where there is no terminal."""
    from coordination.cli.picture import draw  # noqa: PLC0415 - `coord --help` is quick without it

    screen = console()
    with screen.capture() as captured:
        draw(screen, lines, fitted=sys.stdout.isatty())
    say(captured.get().removesuffix("\n"))
