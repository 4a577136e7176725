"""What comes of following events, in a form that tests compare."""

from __future__ import annotations

from coordination.client.event_stream import Current, Gone, Interrupted, News
from coordination.domain.event import Event


def in_short(one: News) -> object:
    """The number of an event, `current` or `gone` and a number, or the type of an error."""
    match one:
        case Event():
            return one.seq
        case Current():
            return f"current {one.after}"
        case Gone():
            return f"gone {one.up_to}"
        case Interrupted():
            return type(one.error)
