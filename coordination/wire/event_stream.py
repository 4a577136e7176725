"""The messages of the WebSocket: what a client sends, and what it is sent.

Each message is one JSON object. Those of clients are strict and closed, like the bodies of the HTTP API. The events are
those of the page of events, whose texts stay untrusted.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from coordination.domain.cursor import SEQ_MAX
from coordination.domain.event import Event

REMOVED: Final = "events.removed"
"""What stands in the place of a kind where a stream of Server-Sent Events says that events are not kept any more."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Subscribe(_Message):
    """Follow a session.

    Attributes:
        session: its id.
        after: the number of the last event that the client has, 0 for none; None begins with what comes now.
    """

    session: str
    after: Annotated[int, Field(ge=0, le=SEQ_MAX)] | None = None


class Unsubscribe(_Message):
    """Follow a session no more."""

    session: str


class ClientMessage(_Message):
    """What a client sends: exactly one of the two."""

    subscribe: Subscribe | None = None
    unsubscribe: Unsubscribe | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "ClientMessage":
        if (self.subscribe is None) == (self.unsubscribe is None):
            raise ValueError('send {"subscribe": {"session": …}} or {"unsubscribe": {"session": …}}')
        return self


class Subscribed(BaseModel):
    """The session that is followed, and the number after which its events begin."""

    session: str
    after: int


class Unsubscribed(BaseModel):
    """The session that is followed no more."""

    session: str


class Removed(BaseModel):
    """That the events of a session up to a number are not kept any more, and you have not had all of them."""

    session: str
    up_to: int


class Refusal(BaseModel):
    """Why something was refused, or why the end comes; the codes are those of the HTTP API.

    Attributes:
        code: the stable code of the error.
        message: what was wrong and what to send.
        next_call: one literal thing to do next; left out when there is none.
        session: the session that it is about; left out when it is about none.
    """

    code: str
    message: str
    next_call: str | None = None
    session: str | None = None


class SubscribedMessage(BaseModel):
    """Answers `subscribe`; the session's events follow it."""

    subscribed: Subscribed


class UnsubscribedMessage(BaseModel):
    """Answers `unsubscribe`; none of the session's events follows it."""

    unsubscribed: Unsubscribed


class EventMessage(BaseModel):
    """One event of a session that is followed."""

    session: str
    event: Event


class RemovedMessage(BaseModel):
    """Comes before the first event that is left."""

    removed: Removed


class ErrorMessage(BaseModel):
    """What went wrong."""

    error: Refusal
