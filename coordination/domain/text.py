"""Free text from people and agents, made safe to hand to others.

Every reason, message and title is hostile until proven otherwise: it may carry control characters, ANSI
sequences, invisible or bidirectional marks, or be endless. Here it is cut and cleaned once, on the way in, so
that everything stored is safe to show. Whether text is an instruction is not decided here: answers carry it as
quoted data with its author.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

MAX_REASON: Final = 200
MAX_MESSAGE: Final = 1000
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_SPACES = re.compile(r"\s+")
_SHOWN: Final = 80
LONGEST_CALL: Final = 400
"""Characters of a next call that names several things: an agent reads it again with each answer."""
# Cc control, Cf format (bidi marks, zero width), Cs lone surrogates, Co private use, Cn unassigned.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_UNSTORABLE: Final = frozenset({"Cc", "Cs"})


def clean(text: str, limit: int) -> str:
    """Return text on one line without control, ANSI, bidi or invisible characters, at most `limit` characters."""
    flat = _SPACES.sub(" ", _ANSI.sub("", text))
    seen = "".join(character for character in flat if unicodedata.category(character) not in _UNSAFE)
    kept = unicodedata.normalize("NFC", _SPACES.sub(" ", seen).strip())
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def storable(text: str) -> bool:
    """Return whether a text may be the name of anything stored: it holds no control character and no half of one."""
    return all(unicodedata.category(character) not in _UNSTORABLE for character in text)


def call(tool: str, **arguments: object) -> str:
    """Return a tool call to paste, its arguments as JSON."""
    said = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items()]
    return f"{tool}({', '.join(said)})"


def call_on(tool: str, field: str, values: Sequence[str], **arguments: object) -> str:
    """Return a tool call on as many of the values as a next call has room for: the first ones, and one at least."""
    said = call(tool, **arguments, **{field: list(values[:1])})
    for count in range(2, len(values) + 1):
        longer = call(tool, **arguments, **{field: list(values[:count])})
        if len(longer) > LONGEST_CALL:
            break
        said = longer
    return said


def printable(text: str) -> str:
    """Return text with everything escaped that is not printable: line ends, ANSI, bidi marks."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def shown(text: str) -> str:
    """Return text for an error message: at most 80 characters, nothing unprintable."""
    escaped = printable(text[: _SHOWN + 1])
    return escaped if len(escaped) <= _SHOWN else escaped[: _SHOWN - 1] + "…"


def counted(number: int, noun: str) -> str:
    """Return how many there are of what `noun` names, in words for people: `1 task`, `3 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
