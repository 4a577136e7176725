"""What a command says when the service does not answer or refuses: what is wrong, what is not known, what to do next.

A service that does not answer is never an empty answer: the failure says that nothing is known. Of the local service
it says how to start it, of another one how to come in again.
"""

import shlex
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from coordination.cli import place
from coordination.cli.output import REFUSED, UNREACHABLE, USAGE, Failure
from coordination.domain.text import clean
from coordination.domain.virtual_user import PART_FORM, is_part
from coordination.domain.visibility import PLANNER_PROMPTS
from coordination.settings import Settings

if TYPE_CHECKING:
    from coordination.client.errors import ClientError, ServiceUnreachable

NAME: Final = 130
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
    **dict.fromkeys(("connect", "login", "logout", "token", "whoami", "workspace"), ""),
}
"""What an answer that did not come leaves open, by command."""
PLAN_WORK: Final = f"/mcp__coordination__{PLANNER_PROMPTS[0]}"
"""What a person types in the planner's terminal, under the name that `coord connect` gives the connection."""
_PLANNERS: Final = "in a planner's terminal"
_OF_A_SESSION: Final = frozenset({"index", "locks", "plan", "prompt", "status", "tasks"})
UNAUTHORIZED: Final = "unauthorized"
FORBIDDEN: Final = "forbidden"
LOGIN_ENDED: Final = "login_ended"
"""What a Supabase login says that cannot be renewed any more."""


@contextmanager
def in_words(chosen: Settings, found: place.Target, session: str | None = None) -> Generator[None]:
    """Say in words what the service at `found` refuses in the block, or that it does not answer.

    Args:
        chosen: the settings.
        found: the service.
        session: what was typed as the session, if any; a refusal names it.

    Raises:
        Failure: the service does not answer, or it refused what the block asked for.
    """
    # httpx and pydantic cost a third of a second, which `coord --help` need not wait for.
    from coordination.client.errors import (  # noqa: PLC0415 - as above
        ClientError,
        ServiceUnavailable,
        ServiceUnreachable,
        UnsafeAddress,
    )

    unknown = _UNKNOWN.get(place.TYPED.get()[0], UNKNOWN)
    try:
        yield
    except ServiceUnreachable as error:
        message, mend = _unreachable(chosen, found, error, unknown)
        raise _failure(message, mend, UNREACHABLE, error.code) from None
    except ServiceUnavailable as error:
        mend = f"Try again; if it stays so: {place.coord('doctor')}"
        raise _failure(f"{error.message} {unknown}", mend, UNREACHABLE, error.code) from None
    except UnsafeAddress as error:
        raise _failure(error.message, error.next_call, USAGE, error.code) from None
    except ClientError as error:
        message, mend = _refused(found, error, session)
        raise _failure(message, mend, REFUSED, error.code) from None


def _refused(found: place.Target, error: "ClientError", session: str | None) -> tuple[str, str]:
    """Return what a refusal says, and what to do about it."""
    from coordination.client.refusal import NOT_UNDERSTOOD  # noqa: PLC0415 - as above

    message, mend = error.message, for_people(clean(error.next_call, 500), session)
    if error.code == NOT_UNDERSTOOD:
        return message, f"See what runs there: {place.coord('doctor')}"
    if found.remote is not None and error.code in {UNAUTHORIZED, LOGIN_ENDED}:
        return _not_taken(found, error), come_in(found)
    if error.code == FORBIDDEN:
        return message, f"See as whom you come, and what you may: {place.coord('whoami')}"
    if session is not None and message == f"{NO_SESSION}." and not is_part(session):
        return f'No session can be called "{clean(session, NAME)}": a name has {PART_FORM}.', mend
    if session is not None and message.startswith(NO_SESSION):
        return _no_such_session(session, message.removeprefix(NO_SESSION)), f"{BEGIN}\n{mend}"
    return message, mend


def _not_taken(found: place.Target, error: "ClientError") -> str:
    """Return why the credential is not taken; what the service says to programs helps no person."""
    if found.token is None:
        return f"You are not logged in at {found.url}."
    if error.code == LOGIN_ENDED:
        return error.message
    if found.remote is None or not found.remote.logged_in:
        return f"The token in {place.TOKEN_VARIABLE} is not good there, or not any more."
    return f"Your login at {found.url} is not taken any more: it was revoked, or has expired."


def come_in(found: place.Target) -> str:
    """Return what to do where a hosted service does not take the credential."""
    login = f"Log in: {place.coord(shlex.join(['login', found.url]))}"
    if found.service is not None or (found.remote is not None and found.remote.logged_in):
        return login
    if found.token is None:
        return f"{login}\nor put a token into {place.TOKEN_VARIABLE}."
    return f"Use another token, or none.\n{login}"


def _unreachable(
    chosen: Settings, found: place.Target, error: "ServiceUnreachable", unknown: str
) -> tuple[str, str]:
    """Return what is the matter with a service that does not answer, and what to do about it."""
    from coordination.client.errors import ServiceSilent  # noqa: PLC0415 - as above

    if found.remote is not None:
        mend = f"Is that its address? See: {place.coord('doctor')}"
        return f"{error.message} {unknown}".strip(), mend
    if isinstance(error, ServiceSilent):
        message, mend = _silent(chosen, found, error.message, unknown)
    else:
        message, mend = f"{error.message} {unknown}", _start(found)
    return message, place.elsewhere(chosen) or mend


def _no_such_session(session: str, why: str) -> str:
    """Say which session is not there; `why` follows the service's words, "." when it gave no reason."""
    name = clean(session, NAME)
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


def _failure(message: str, mend: str, exit_code: int, code: str) -> Failure:
    return Failure(clean(message, 2000).strip(), mend=mend, exit_code=exit_code, code=code)


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
