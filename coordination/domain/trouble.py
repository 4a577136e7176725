"""When to speak of a trouble that goes on: when it begins or turns into another one, then ever more seldom.

Work that heals by itself tries again every second or so for as long as it takes, and a log that said so each time would
be of no use to anybody. What is said, and where, is not decided here.
"""

from dataclasses import dataclass
from typing import Final

FIRST_SECONDS: Final = 10
"""How long after the first time it is told again; each pause after that is twice as long."""
MOST_SECONDS: Final = 600
NAMED_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Told:
    """That a trouble was told.

    Attributes:
        what: the trouble; another text is another trouble.
        again_at: when it is due again, in seconds of the caller's clock.
        pause: seconds from telling it to `again_at`.
    """

    what: str
    again_at: float
    pause: float


def named(error: BaseException) -> str:
    """Return an error's kind and message on one line of at most 500 characters."""
    said = " ".join(f"{type(error).__name__}: {error}".removesuffix(": ").split())
    return said if len(said) <= NAMED_MAX else f"{said[: NAMED_MAX - 1]}…"


def tell(before: Told | None, what: str, now: float) -> Told | None:
    """Return what to remember when the trouble has to be told now, None when it need not be.

    Args:
        before: what was remembered the last time; None when all was well since.
        what: the trouble.
        now: seconds of a clock that never goes back.
    """
    if before is None or before.what != what:
        return Told(what, now + FIRST_SECONDS, FIRST_SECONDS)
    if now < before.again_at:
        return None
    pause = min(2 * before.pause, MOST_SECONDS)
    return Told(what, now + pause, pause)
