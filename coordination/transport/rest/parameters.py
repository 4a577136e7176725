"""Parameters that several routes share: the session in the path, page sizes and cursors.

A session that cannot exist is answered exactly as one that does not: an id tells nothing by the way in which it is
refused.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import Depends, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from coordination.domain.cursor import SEQ_MAX
from coordination.domain.errors import CoordinationError, UnknownItem
from coordination.domain.text import storable
from coordination.services.agent import read_status
from coordination.services.core import Core

WORKSPACE: Final = "local"
"""The one workspace of local mode."""

CURSOR_MAX: Final = 2200
SESSION_MAX: Final = 256
PAGE_MAX: Final = 200
PAGE: Final = 50


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


def _session(
    session: Annotated[
        str,
        # Bounds that are told and not checked: what is beyond them is no session, like any other that is not there.
        Path(
            description=f"The session's id, 1 to {SESSION_MAX} characters.",
            examples=["demo"],
            json_schema_extra={"minLength": 1, "maxLength": SESSION_MAX},
        ),
    ],
) -> str:
    return possible_session(session)


SessionId = Annotated[str, Depends(_session)]
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


async def require_session(core: Core, session: str) -> None:
    """Raise the one error unless the session exists; for services that know only its rows.

    Raises:
        UnknownItem: there is no such session.
        RetryLater: the database cannot answer now.
    """
    try:
        await read_status(core, WORKSPACE, session, limit=1)
    except UnknownItem:
        raise no_such_session() from None


@asynccontextmanager
async def of_known_session(
    core: Core, session: str, *refusals: type[CoordinationError]
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
