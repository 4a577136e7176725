"""The page of `coord watch`: sections of a session in the room that a terminal has.

It is made of a snapshot alone, so the same snapshot always gives the same lines; it reads nothing and asks nobody. The
sections share the lines there are: one that needs few gets them, the others get the same, and each says how many more
there are.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.text import Text

from coordination.cli.attention import Concern
from coordination.cli.columns import fitted, shares, table
from coordination.cli.duration import briefly
from coordination.cli.page_section import Section, Snapshot, sections
from coordination.cli.picture import concern_lines, headline
from coordination.domain.text import clean

SHOWN_CONCERNS: Final = 3
TROUBLE: Final = 500
KEYS: Final = "Ctrl-C ends."
ADVICE: Final = " What to do about warnings: "


def page(snapshot: Snapshot, width: int, height: int | None = None) -> list[Text]:
    """Return the lines of the page.

    Args:
        snapshot: what to show.
        width: of the terminal, in cells; no line is wider, but for those that a person may paste.
        height: most lines; None for a page that is printed once, of which nothing is left out.
    """
    head = [*_trouble(snapshot, width), _fit(headline(snapshot.status), width)]
    if height is None:
        return [*head, *_body(snapshot, width, None), *_at_length(snapshot.concerns)]
    head += _in_short(snapshot.concerns, width)
    advice = f"{ADVICE}{snapshot.advice}" if snapshot.concerns and snapshot.advice else ""
    foot = Text(fitted(KEYS + advice, width), style="dim")
    room = max(0, height - len(head) - 1)
    return [*[*head, *_body(snapshot, width, room)[:room]][: height - 1], foot][:height]


def _fit(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line


def _trouble(snapshot: Snapshot, width: int) -> list[Text]:
    if not snapshot.trouble:
        return []
    old = f"What follows is {briefly(snapshot.passed)} old and may be wrong. Trying again …"
    return [
        Text(fitted(clean(snapshot.trouble, TROUBLE), width), style="bold red"),
        Text(fitted(old, width), style="red"),
    ]


def _in_short(concerns: Sequence[Concern], width: int) -> list[Text]:
    shown = concerns if len(concerns) <= SHOWN_CONCERNS else concerns[: SHOWN_CONCERNS - 1]
    lines = [Text(fitted(f"! {concern.says}", width), style="yellow") for concern in shown]
    if len(shown) < len(concerns):
        rest = f"! … {len(concerns) - len(shown)} more"
        lines.append(Text(fitted(rest, width), style="yellow"))
    return lines


def _at_length(concerns: Sequence[Concern]) -> Iterator[Text]:
    for concern in concerns:
        yield Text()
        yield from concern_lines(concern)


def _body(snapshot: Snapshot, width: int, room: int | None) -> list[Text]:
    lines: list[Text] = []
    if not snapshot.status.agents:
        lines = [Text(), Text(fitted("Nobody has joined yet.", width))]
    found = sections(snapshot)
    needs = [len(section.rows) for section in found]
    airy = room is None or len(lines) + sum(needs) + 2 * len(found) <= room
    given = needs if room is None or airy else shares(needs, room - len(lines) - len(found))
    for section, number in zip(found, given, strict=True):
        lines += [Text()] * airy
        lines += _section(section, number, width)
    return lines


def _section(section: Section, number: int, width: int) -> Iterator[Text]:
    title = Text(section.title, style="bold")
    if not section.newest_last and section.total > number:
        title.append(f"  … {section.total - number} more", style="dim")
    yield _fit(title, width)
    first = len(section.rows) - number if section.newest_last else 0
    yield from table(section.columns, section.rows[first : first + number], width)
