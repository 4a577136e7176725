"""What comes of following events, in a form that tests compare."""

from __future__ import annotations

from coordination.client.event_stream import Current, Interrupted, News
from coordination.domain.event import Event


def in_short(one: News) -> object:
    """The number of an event, `current` and a number, or the type of an error."""
    match one:
        case Event():
            return one.seq
        case Current():
            return f"current {one.after}"
        case Interrupted():
            return type(one.error)
