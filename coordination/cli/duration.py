"""Spans of time in a few characters, for people."""

from typing import Final

SECONDS_UP_TO: Final = 120
MINUTES_UP_TO: Final = 120 * 60
HOURS_UP_TO: Final = 48 * 3600


def briefly(seconds: float) -> str:
    """Return a span such as `45 s`, `14 min`, `3 h` or `5 d`."""
    whole = max(0, int(seconds))
    if whole < SECONDS_UP_TO:
        return f"{whole} s"
    if whole < MINUTES_UP_TO:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < HOURS_UP_TO else f"{whole // 86400} d"
