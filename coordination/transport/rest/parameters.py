"""Parameters that several routes share: the session in the path, page sizes and cursors.

A session that cannot exist is answered exactly as one that does not: an id tells nothing by the way in which it is
refused.
"""

from typing import Annotated, Final

from fastapi import Depends, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from coordination.domain.errors import UnknownItem
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


def _session(session: Annotated[str, Path(description="The session's id.")]) -> str:
    return possible_session(session)


SessionId = Annotated[str, Depends(_session)]
Text = Annotated[str, Field(min_length=1, max_length=CURSOR_MAX), AfterValidator(_storable)]


class PageQuery(BaseModel):
    """Which page of a list: what follows the cursor `after` (`next_cursor` of the page before), `limit` long."""

    model_config = ConfigDict(extra="forbid")

    after: Text | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


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
