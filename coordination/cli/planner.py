"""`coord plan --take` and `--give-back`: who is the planner of a session."""

import shlex
from typing import TYPE_CHECKING, Final

from coordination.cli import place
from coordination.cli.output import FAILED, OK, Failure, emit, say
from coordination.cli.reach import one_agent, person
from coordination.cli.status import as_json
from coordination.domain.text import clean

if TYPE_CHECKING:
    from coordination.client.service import ServiceClient
    from coordination.domain.planner import HeldRole

NAME: Final = 130
_LIST_AGAIN: Final = "type /mcp there and reconnect, or restart it"


def take(client: "ServiceClient", session: str, agent: str, *, json: bool) -> int:
    """Let an agent, by id or name, take the role, and say what its terminal needs to see the tools."""
    held = client.take_planner(session, person(client), one_agent(client, session, agent))
    if json:
        return _emit(session, held)
    who = clean(held.agent_id, NAME)
    if not held.changed:
        say(f"{who} is the planner of session {session} already.")
        return OK
    say(f"{who} is the planner of session {session} now.")
    for other in held.taken_from:
        say(f"{clean(other, NAME)} is an implementer again.")
    say(f"Its terminal has the planner's tools now. If it shows none: {_LIST_AGAIN}.")
    return OK


def give_back(client: "ServiceClient", session: str, agent: str, *, json: bool) -> int:
    """Let an agent, by id or name, give the role back.

    Raises:
        Failure: it has the role by its name.
    """
    held = client.give_planner_back(session, person(client), one_agent(client, session, agent))
    who = clean(held.agent_id, NAME)
    if held.role == "planner":
        raise Failure(
            f"{who} is the planner by its name, and keeps the role.",
            mend=f"Close its terminal; another agent can take the role ten minutes later."
            f"\nSee who is there: {place.coord(f'status {shlex.quote(session)}')}",
            exit_code=FAILED,
            code="failed",
        )
    if json:
        return _emit(session, held)
    if not held.changed:
        say(f"{who} is an implementer of session {session} already.")
        return OK
    say(f"{who} is an implementer of session {session} again.")
    say(f"The planner's tools are refused there from now on. If it still shows them: {_LIST_AGAIN}.")
    return OK


def _emit(session: str, held: "HeldRole") -> int:
    emit({"session": session, **as_json(held)})
    return OK
