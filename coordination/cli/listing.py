"""Lists of things for people: aligned columns under their titles, one thing a line. It knows nothing of the things."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from coordination.cli.output import say
from coordination.domain.text import clean

CELL: Final = 130


def show(titles: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
    """Print rows below their titles, cleaned and aligned; `nothing` when there are none."""
    if not rows:
        say(nothing)
        return
    lines = [list(titles), *([clean(cell, CELL) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        say("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def day(moment: datetime | None, never: str) -> str:
    """Return the day of a moment, `never` when there is none."""
    return never if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d}"


def minute(moment: datetime | None, never: str) -> str:
    """Return a moment to the minute in UTC, `never` when there is none."""
    return never if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
