"""How commands reach the service: the client with its failures in words, and which session a command is about.

A service that does not answer is never an empty answer: the failure says that nothing is known.
"""

import shlex
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from coordination.cli import place
from coordination.cli.output import REFUSED, UNREACHABLE, USAGE, Failure, tell
from coordination.domain.session import SessionState
from coordination.domain.text import clean
from coordination.domain.virtual_user import PART_FORM, is_part
from coordination.domain.visibility import PLANNER_PROMPTS
from coordination.settings import Settings

if TYPE_CHECKING:
    from coordination.client.service import ServiceClient

AGENT: Final = 130
NAMES_SHOWN: Final = 10
NO_SESSION: Final = "There is no such session"
"""How the service begins to say so."""
BEGIN: Final = (
    "A session begins when the first terminal joins: start claude in the connected folder; "
    "/mcp there shows the connection."
)
UNKNOWN: Final = "So it is not known who is here and who holds what."
_WHO_DOES_WHAT: Final = "So it is not known who is to do what."
_UNKNOWN: Final = {
    "index": "So it is not known whether the session knows the files as they are.",
    **dict.fromkeys(("plan", "prompt", "tasks"), _WHO_DOES_WHAT),
}
"""What an answer that did not come leaves open, by command."""
PLAN_WORK: Final = f"/mcp__coordination__{PLANNER_PROMPTS[0]}"
"""What a person types in the planner's terminal, under the name that `coord connect` gives the connection."""
_PLANNERS: Final = "in a planner's terminal"
_OF_A_SESSION: Final = frozenset({"index", "locks", "plan", "prompt", "status", "tasks"})

SessionName: TypeAlias = Annotated[
    str | None,
    Parameter(help="The session; may be left out when exactly one is active.", show_default=False),
]


@contextmanager
def service(session: str | None = None) -> Generator["ServiceClient"]:
    """Lend a client of the service that the settings lead to.

    Args:
        session: what was typed as the session, if any; a refusal names it.

    Raises:
        Failure: the service does not answer, or it refused what the block asked for.
    """
    # httpx and pydantic cost a third of a second, which `coord --help` need not wait for.
    from coordination.client.errors import (  # noqa: PLC0415 - as above
        ClientError,
        ServiceSilent,
        ServiceUnavailable,
        ServiceUnreachable,
    )
    from coordination.client.refusal import NOT_UNDERSTOOD  # noqa: PLC0415 - as above
    from coordination.client.service import ServiceClient  # noqa: PLC0415 - as above

    chosen = place.settings()
    found = place.target(chosen)
    unknown = _UNKNOWN.get(place.TYPED.get()[0], UNKNOWN)
    with ServiceClient(found.url, found.token) as client:
        try:
            yield client
        except ServiceSilent as error:
            message, mend = _silent(chosen, found, error.message, unknown)
            raise _failure(message, place.elsewhere(chosen) or mend, UNREACHABLE, error.code) from None
        except ServiceUnreachable as error:
            mend = place.elsewhere(chosen) or _start(found)
            raise _failure(f"{error.message} {unknown}", mend, UNREACHABLE, error.code) from None
        except ServiceUnavailable as error:
            mend = f"Try again; if it stays so: {place.coord('doctor')}"
            raise _failure(f"{error.message} {unknown}", mend, UNREACHABLE, error.code) from None
        except ClientError as error:
            message, mend = error.message, for_people(clean(error.next_call, 500), session)
            if error.code == NOT_UNDERSTOOD:
                mend = f"See what runs there: {place.coord('doctor')}"
            elif session is not None and message == f"{NO_SESSION}." and not is_part(session):
                message = f'No session can be called "{clean(session, AGENT)}": a name has {PART_FORM}.'
            elif session is not None and message.startswith(NO_SESSION):
                message, mend = (
                    _no_such_session(session, message.removeprefix(NO_SESSION)),
                    f"{BEGIN}\n{mend}",
                )
            raise _failure(message, mend, REFUSED, error.code) from None


def _no_such_session(session: str, why: str) -> str:
    """Say which session is not there; `why` follows the service's words, "." when it gave no reason."""
    name = clean(session, AGENT)
    return f'Session "{name}" has nobody yet.' if why == "." else f'There is no session "{name}"{why}'


def _start(found: place.Target) -> str:
    if found.service is None:
        return f"Start it: {place.coord('up')}"
    return (
        f"It runs, as process {found.service.pid}, and is silent. See what is wrong: {place.coord('doctor')}"
    )


def _silent(chosen: Settings, found: place.Target, said: str, unknown: str) -> tuple[str, str]:
    """Return what is the matter with a port whose holder gives no answer, and what to do about it."""
    if found.service is not None:
        message = f"{said} It is the service, process {found.service.pid}: it starts still, or it hangs."
        return (
            f"{message} {unknown}",
            f"If it stays so, stop it: {place.coord_at(chosen, found.service, 'down')}",
        )
    from coordination.app import port  # noqa: PLC0415 - rarely needed

    free = port.free_port(chosen.host, max(chosen.port, 1024))
    mend = f"Take another port: {place.coord('up', PORT=str(free))}" if free else ""
    return f"{said} Port {chosen.port} is taken by {port.held_by(chosen.port)}. {unknown}", mend


def resolve(client: "ServiceClient", session: str | None) -> str:
    """Return the session that a command is about: the one named, or the only active one.

    Raises:
        Failure: none was named and there is none, or more than one.
    """
    if session is not None:
        return session
    active = [found.id for found in client.sessions() if found.status == SessionState.ACTIVE]
    if len(active) == 1:
        return active[0]
    if not active:
        raise Failure(
            "There is no active session.",
            mend=how_to_begin(),
            exit_code=USAGE,
            code="no_session",
        )
    names = ", ".join(clean(name, 64) for name in active[:NAMES_SHOWN])
    more = f" and {len(active) - NAMES_SHOWN} more" if len(active) > NAMES_SHOWN else ""
    lines = [place.again(clean(name, 64)) for name in active[: place.LINES]]
    if len(active) > place.LINES:
        lines.append(place.coord("sessions"))
    raise Failure(
        f"There are {len(active)} active sessions: {names}{more}.",
        mend="\n".join(["Name the one that you mean:", *(f"  {line}" for line in lines)]),
        exit_code=USAGE,
        code="many_sessions",
    )


def tell_if_closed(client: "ServiceClient", session: str) -> None:
    """Say beside an answer, which may go into another command, that the session it is of is closed."""
    if client.status(session).status != SessionState.ACTIVE:
        tell(f"Session {clean(session, AGENT)} is closed. Whoever joins it opens it again.")


def _failure(message: str, mend: str, exit_code: int, code: str) -> Failure:
    return Failure(clean(message, 2000), mend=mend, exit_code=exit_code, code=code)


def no_such_agent(agent: str, session: str) -> Failure:
    """Return the failure for an agent that a session does not have."""
    return Failure(
        f"There is no agent {clean(agent, AGENT)} in session {clean(session, AGENT)}.",
        mend=f"See who there is: {place.coord(f'status {shlex.quote(session)} --all')}",
        exit_code=REFUSED,
        code="not_found",
    )


def one_agent(client: "ServiceClient", session: str, agent: str) -> str:
    """Return the id of the one agent of that id or name.

    Raises:
        Failure: the session has no such agent, or several.
    """
    found = [known.agent_id for known in client.status(session, agent=agent, include_inactive=True).agents]
    if len(found) == 1:
        return found[0]
    if not found:
        raise no_such_agent(agent, session)
    raise Failure(
        f"Several agents are called {clean(agent, AGENT)}: {clean(', '.join(found), 2000)}. Give the whole name.",
        exit_code=USAGE,
        code="usage",
    )


def how_to_begin() -> str:
    """Return how a session begins, for a person who has none."""
    return f"{BEGIN}\nConnect a folder: {place.coord('connect demo')}"


def for_people(next_call: str, session: str | None = None) -> str:
    """Return what a refusal advises, as a line to paste; what it advises to an agent no person can type.

    Args:
        next_call: what the service advises.
        session: the session that was typed, for advice that leaves it out.
    """
    if next_call == "coord sessions":
        return f"See which there are: {place.coord('sessions')}"
    if next_call.startswith(_PLANNERS):
        return f"To make one, type in the planner's terminal: {PLAN_WORK} and what you want to reach"
    first, _, arguments = next_call.partition(" ")
    if first != "coord":
        return "" if "(" in next_call else next_call
    command, *options = arguments.split(" ")
    if session is not None and command in _OF_A_SESSION and all(one.startswith("-") for one in options):
        arguments = shlex.join([command, session, *options])
    return f"Try: {place.coord(arguments)}"
