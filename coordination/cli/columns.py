"""Lines that fit a terminal: text cut to cells, rows with aligned columns, lists that share the lines there are.

Widths are cells: a Chinese character or an emoji takes two, a combining mark none. What is cut ends or begins with `…`.
Everything that comes in is cleaned text; it stays text, never markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeAlias

from rich.cells import cell_len
from rich.style import StyleType
from rich.text import Text

Cell: TypeAlias = str | Text
"""A text of a row, or one with a style of its own."""

GAP: Final = "  "
ELLIPSIS: Final = "…"
PLAIN: Final = {ord("\ufe0e"): None, ord("\ufe0f"): None}
"""Marks that choose a picture's look: terminals disagree on the cells that it takes with them."""


@dataclass(frozen=True, slots=True)
class Column:
    """How a column of a table is shown.

    Attributes:
        at_least: cells that it keeps however narrow the terminal is, unless it needs fewer.
        keeps_end: what is cut is its beginning, as of a path.
        to_the_right: aligned so.
        style: of its texts.
        from_width: it is left out of tables that have less room than this.
    """

    at_least: int = 6
    keeps_end: bool = False
    to_the_right: bool = False
    style: StyleType = ""
    from_width: int = 0


def fitted(text: str, width: int, *, keeps_end: bool = False) -> str:
    """Return text in at most `width` cells; of longer text its beginning and `…`, or `…` and its end."""
    plain = text.translate(PLAIN)
    if cell_len(plain) <= width:
        return plain
    if width < 1:
        return ""
    characters = reversed(plain) if keeps_end else plain
    kept: list[str] = []
    room = width - cell_len(ELLIPSIS)
    for character in characters:
        room -= cell_len(character)
        if room < 0:
            break
        kept.append(character)
    return ELLIPSIS + "".join(reversed(kept)) if keeps_end else "".join(kept) + ELLIPSIS


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> list[Text]:
    """Return a line for each row, no wider than `width`, its columns aligned.

    Columns take what their longest text needs; where that is too much, those that need most give first.

    Args:
        columns: one for each text of a row.
        rows: the texts.
        width: of the terminal, in cells.
    """
    shown = [place for place, column in enumerate(columns) if width >= column.from_width]
    needs = {place: max((_cells(row[place]) for row in rows), default=0) for place in shown}
    shown = [place for place in shown if needs[place]]
    room = width - len(GAP) * (len(shown) - 1)
    given = shares([needs[place] for place in shown], room, [columns[place].at_least for place in shown])
    widths = dict(zip(shown, given, strict=True))
    return [_row([(columns[place], row[place], widths[place]) for place in shown], width) for row in rows]


def _cells(cell: Cell) -> int:
    return cell_len(str(cell).translate(PLAIN))


def _row(cells: Sequence[tuple[Column, Cell, int]], width: int) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for place, (column, cell, room) in enumerate(cells):
        cut = fitted(str(cell), room, keeps_end=column.keeps_end)
        padding = " " * (room - cell_len(cut))
        line.append(GAP if place else "")
        line.append(padding if column.to_the_right else "")
        line.append(cut, style=cell.style if isinstance(cell, Text) else column.style)
        line.append("" if column.to_the_right else padding)
    line.rstrip()
    # On a terminal that has no room for what each column keeps.
    line.truncate(max(width, 0), overflow="ellipsis")
    return line


def shares(needs: Sequence[int], room: int, at_least: Sequence[int] | None = None) -> list[int]:
    """Divide room: who needs little gets it whole, the others get the same.

    Args:
        needs: what each would take.
        room: what there is.
        at_least: what each keeps, if it needs so much, although there is no room.
    """
    least = [min(need, keep) for need, keep in zip(needs, at_least or [0] * len(needs), strict=True)]
    level = 0
    for level in range(max(needs, default=0) + 1):
        if sum(_at(level + 1, needs, least)) > room:
            break
    given = _at(level, needs, least)
    # What is left of a level goes to the first ones that want more.
    left = room - sum(given)
    wanting = [one < need for one, need in zip(given, needs, strict=True)]
    before = accumulate(wanting, initial=0)
    return [one + (more and place < left) for one, more, place in zip(given, wanting, before, strict=False)]


def _at(level: int, needs: Sequence[int], least: Sequence[int]) -> list[int]:
    return [min(need, max(level, keep)) for need, keep in zip(needs, least, strict=True)]
