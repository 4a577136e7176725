"""Parameters that several routes share: the session in the path, page sizes and cursors.

A session that cannot exist is answered exactly as one that does not: an id tells nothing by the way in which it is
refused.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from coordination.domain.cursor import SEQ_MAX
from coordination.domain.errors import CoordinationError, UnknownItem
from coordination.domain.principal import Principal
from coordination.domain.text import storable
from coordination.services.agent import read_status
from coordination.services.core import Core
from coordination.transport.auth import principal_of
from coordination.wire.rest import NOBODY

_QUESTIONS: Final = frozenset({"GET", "HEAD"})
CURSOR_MAX: Final = 2200
SESSION_MAX: Final = 256
PAGE_MAX: Final = 200
PAGE: Final = 50


NAMED_BY_US: Final = {"minLength": 1, "maxLength": 64}
"""Bounds of an id that we made, told and not checked: what is beyond them is nothing that is there."""


def no_such_session() -> UnknownItem:
    """Return the one error for a session that is not there."""
    return UnknownItem("There is no such session.", next_call="coord sessions")


def _storable(text: str) -> str:
    if not storable(text):
        raise ValueError("holds control characters; send what the page before gave")
    return text


def possible_session(session: str) -> str:
    """Return the id of a session that may exist.

    Raises:
        UnknownItem: no session can have such an id.
    """
    if not 0 < len(session) <= SESSION_MAX or not storable(session):
        raise no_such_session()
    return session


def possible_name(name: str) -> str:
    """Return the id of something in a session that may exist.

    Raises:
        UnknownItem: nothing can have such an id.
    """
    if not storable(name):
        raise UnknownItem("There is nothing of that name in this session.")
    return name


@dataclass(frozen=True, slots=True)
class InSession:
    """A session that a request is about, and who asks; it is looked for in the caller's workspace alone.

    Attributes:
        principal: who asks, and may ask about that session.
        id: the session's id.
    """

    principal: Principal
    id: str

    @property
    def workspace(self) -> str:
        """The caller's workspace."""
        return self.principal.workspace

    def person(self, said: str) -> str:
        """Return the person that an act is recorded under: who is authenticated, and where nobody is, who is said.

        Raises:
            Forbidden: somebody else is said.
        """
        if self.principal.user is None:
            return said
        if said != NOBODY:
            self.principal.require_agent(said, self.principal.agent)
        return self.principal.user


def _allowed(connection: HTTPConnection) -> Principal:
    """Return who asks: with a credential that reads, and for everything but a question one that writes."""
    principal = principal_of(connection.scope)
    principal.require("read" if connection.scope.get("method") in _QUESTIONS else "write")
    return principal


def reader(connection: HTTPConnection) -> Principal:
    """Return who asks, with a credential that reads.

    Raises:
        Forbidden: it does not.
    """
    principal = principal_of(connection.scope)
    principal.require("read")
    return principal


def _authenticated(connection: HTTPConnection) -> Principal:
    """Return who asks, whatever the credential is for: the use case decides."""
    return principal_of(connection.scope)


Allowed = Annotated[Principal, Depends(_allowed)]
"""Who asks, and may ask by the scopes of the credential."""
Authenticated = Annotated[Principal, Depends(_authenticated)]
"""Who asks, for use cases that decide about it themselves."""


def _session(
    principal: Allowed,
    session: Annotated[
        str,
        # Bounds that are told and not checked: what is beyond them is no session, like any other that is not there.
        Path(
            description=f"The session's id, 1 to {SESSION_MAX} characters.",
            examples=["demo"],
            json_schema_extra={"minLength": 1, "maxLength": SESSION_MAX},
        ),
    ],
) -> InSession:
    principal.require_session(session)
    return InSession(principal, possible_session(session))


def _of_person(session: Annotated[InSession, Depends(_session)]) -> InSession:
    session.principal.require_unbound()
    return session


AnySession = Annotated[InSession, Depends(_session)]
"""The session of a route for everybody who may see it."""
PersonsSession = Annotated[InSession, Depends(_of_person)]
"""The session of a route for people; an agent's credential does not do."""
Text = Annotated[str, Field(min_length=1, max_length=CURSOR_MAX), AfterValidator(_storable)]
EventNumber = Annotated[
    int, Field(ge=0, le=SEQ_MAX, description="The number of the last one that you have; 0 for none.")
]
Limit = Annotated[int, Field(default=PAGE, ge=1, le=PAGE_MAX, description="Most of them on the page.")]


class PageQuery(BaseModel):
    """Which page of a list: what follows the cursor `after` (`next_cursor` of the page before), `limit` long."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[Text | None, Field(description="The `next_cursor` of the page before.")] = None
    limit: Limit


async def require_session(core: Core, session: InSession) -> None:
    """Raise the one error unless the session exists; for services that know only its rows.

    Raises:
        UnknownItem: there is no such session.
        RetryLater: the database cannot answer now.
    """
    try:
        await read_status(core, session.workspace, session.id, limit=1)
    except UnknownItem:
        raise no_such_session() from None


@asynccontextmanager
async def of_known_session(
    core: Core, session: InSession, *refusals: type[CoordinationError]
) -> AsyncGenerator[None]:
    """When the block is refused because of what is no part of the session, say first whether the session is there.

    Raises:
        UnknownItem: there is no such session; it is told like everywhere.
        RetryLater: the database cannot answer now.
    """
    try:
        yield
    except refusals:
        await require_session(core, session)
        raise
