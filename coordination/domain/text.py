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
# Letters, marks and a symbol that nobody sees: selectors of variants, fillers, joiners of graphemes, the empty Braille
# pattern. A row of them carries any text. One alone may ask for the colours of an emoji, or of a key on a keypad.
_EMOJI: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u2328\u232b-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_HIDDEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0e\U000e0100-\U000e01ef]"
    f"|(?<![{_EMOJI}])(?!(?<=[0-9#*])\ufe0f\u20e3)\ufe0f"
)


def clean(text: str, limit: int) -> str:
    """Return text on one line without control, ANSI, bidi or invisible characters, at most `limit` characters."""
    flat = _SPACES.sub(" ", _ANSI.sub("", text))
    seen = flat if flat.isascii() and flat.isprintable() else _without_unseen(flat)
    kept = unicodedata.normalize("NFC", _SPACES.sub(" ", seen).strip())
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def _without_unseen(text: str) -> str:
    seen = (character for character in text if unicodedata.category(character) not in _UNSAFE)
    return _HIDDEN.sub("", "".join(seen))


def legible(text: str) -> bool:
    """Return whether a person sees all of a text: nothing in it is a control character or invisible."""
    return text.isprintable() and not hidden(text)


def hidden(text: str) -> bool:
    """Return whether a text holds letters or marks that nobody sees; control characters are none of them."""
    return not text.isascii() and _HIDDEN.search(text) is not None


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
    """Return text with everything escaped that nobody would see: line ends, ANSI, bidi marks, invisible characters."""
    if legible(text):
        return text
    plain = _HIDDEN.sub(lambda found: _escaped(found[0]), text)
    return "".join(character if character.isprintable() else _escaped(character) for character in plain)


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"


def shown(text: str) -> str:
    """Return text for an error message: at most 80 characters, nothing unprintable."""
    escaped = printable(text[: _SHOWN + 1])
    return escaped if len(escaped) <= _SHOWN else escaped[: _SHOWN - 1] + "…"


def counted(number: int, noun: str) -> str:
    """Return how many there are of what `noun` names, in words for people: `1 task`, `3 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
