"""How long what happened is kept, in days; what is removed, and how, is decided in `store/functions`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days things are kept; 0 keeps them for ever.

    Attributes:
        events_days: events, and with them finished tasks, replaced plans, analyses and indexes that nobody refreshed.
        closed_days: sessions that were closed, with all that is left of them, since something last happened there.
    """

    events_days: int = 0
    closed_days: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of removing did in a session.

    Attributes:
        events: how many of its events went.
        up_to: the number up to which its events are gone.
        session: whether the session went.
        more: whether there may be more to remove.
    """

    events: int
    up_to: int
    session: bool
    more: bool
