"""How commands reach the service: the client, whose failures come in words, and which session a command is about.

Where a service is meant that is not the local one, that is said beside every answer.
"""

import shlex
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from coordination.cli import place, target
from coordination.cli.output import REFUSED, USAGE, Failure, tell
from coordination.cli.refusals import BEGIN, in_words
from coordination.domain.session import SessionState
from coordination.domain.text import clean

if TYPE_CHECKING:
    from coordination.client.service import ServiceClient

AGENT: Final = 130
NAMES_SHOWN: Final = 10

SessionName: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="The session; without it that of this folder, or the only active one.", show_default=False
    ),
]


@contextmanager
def service(session: str | None = None) -> Generator["ServiceClient"]:
    """Lend a client of the service that is meant (`target.meant`).

    Args:
        session: what was typed as the session, if any; a refusal names it.

    Raises:
        Failure: the service does not answer, or it refused what the block asked for.
    """
    # httpx and pydantic cost a third of a second, which `coord --help` need not wait for.
    from coordination.client.service import ServiceClient  # noqa: PLC0415 - as above

    chosen = place.settings()
    found = target.meant(chosen)
    target.tell_which(found)
    workspace = None if found.remote is None else found.remote.workspace
    with (
        in_words(chosen, found, session),
        ServiceClient(found.url, found.token, workspace=workspace) as client,
    ):
        client.user = place.user() if found.remote is None else found.remote.user
        yield client


def person(client: "ServiceClient") -> str:
    """Return the name under which what a person does is recorded: of this machine's user, or of the login."""
    if client.user is None:
        from coordination.client.workspace import WorkspaceClient  # noqa: PLC0415 - as above

        client.user = WorkspaceClient(client.channel).me().user
    return client.user


def resolve(client: "ServiceClient", session: str | None) -> str:
    """Return the session that a command is about: the one named, that of this folder, or the only active one.

    Raises:
        Failure: none was named and there is none, or more than one.
    """
    if session is not None:
        return session
    active = [found.id for found in client.sessions() if found.status == SessionState.ACTIVE]
    if len(active) == 1:
        return active[0]
    # What reads a repository takes longer to import than `coord --help` may.
    from coordination.cli.chosen import working_session  # noqa: PLC0415 - as above

    if (here := working_session()) in active:
        return here
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
