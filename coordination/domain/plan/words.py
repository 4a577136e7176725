"""Words in prose, paths and identifiers, brought into one form so that they can be compared.

`parseInvoices`, `parse_invoice` and "parsing an invoice" share their words here. The form is no linguistics: endings
that English adds to a word are cut off the same way everywhere, and what is left need not be a word.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+")
_AT_ONCE: Final = 10_000
"""Identifiers that are cut up in one go: what goes on inside a pattern keeps every other thread waiting."""
_END: Final = "\n"
_PART_OR_END: Final = re.compile(f"{_PART.pattern}|{_END}")
_SHORTEST: Final = 2
_SHORTEST_STEM: Final = 3
_ENDINGS: Final = ("ions", "ion", "ings", "ing", "ies", "ers", "er", "ed", "es", "s", "e", "y")
# Words that are in every second task or sentence and say nothing about a file.
_PROSE: Final = """
    a about add after again all also always an and any are as at be because been before being between both but by
    can change code could create do does done each ensure every feature file files fix for from get give has have how
    if implement in into is it its just let like make may more most must need needs never new no not now of off on
    once one only or other our out over own per please put should so some such support sure task than that the their
    them then there these they this those through to too under until up update use used using very was we were what
    when where which while who why will with within without work would write you your"""
_EMPTY: Final = frozenset(_PROSE.split())


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Return the form in which a word is compared: lower case, without a common English ending."""
    lower = word.lower()
    for ending in _ENDINGS:
        if lower.endswith(ending) and len(lower) - len(ending) >= _SHORTEST_STEM:
            lower = lower.removesuffix(ending)
            break
    # stopped -> stopp -> stop; but call, pass and diff stay what they are by losing the letter everywhere.
    if len(lower) > _SHORTEST_STEM and lower[-1] == lower[-2]:
        lower = lower[:-1]
    return lower


def parts(identifier: str) -> tuple[str, ...]:
    """Return the words of an identifier, a file name or a text, in order, as they are compared."""
    return tuple(stem(part) for part in _PART.findall(identifier))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of many identifiers.

    Attributes:
        frequency: how many identifiers have a word.
        by_pair: identifiers of several words, each by those two of its words which the fewest have, in alphabetical
            order.
    """

    frequency: Mapping[str, int]
    by_pair: Mapping[tuple[str, str], Sequence[str]]


def vocabulary(identifiers: Sequence[str], look: Callable[[], object] = lambda: None) -> Vocabulary:
    """Return the words of hundreds of thousands of different identifiers, many cut up at once.

    Args:
        identifiers: the names.
        look: called now and then; what it raises ends the work.
    """
    # The end of each stays what it is: it has no ending to lose.
    words: list[str] = []
    frequency: Counter[str] = Counter()
    for first_one in range(0, len(identifiers), _AT_ONCE):
        look()
        text = "".join(f"{one}{_END}" for one in identifiers[first_one : first_one + _AT_ONCE])
        found_here = list(map(stem, _PART_OR_END.findall(text)))
        frequency.update(found_here)
        words += found_here
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    begin = 0
    for number, identifier in enumerate(identifiers):
        if number % _AT_ONCE == 0:
            look()
        end = words.index(_END, begin)
        if end - begin > 1:
            first, second = _rarest(words[begin:end], frequency)
            if first != second:
                found[first, second].append(identifier)
        begin = end + 1
    return Vocabulary(frequency, found)


def _rarest(words: Sequence[str], frequency: Mapping[str, int]) -> Sequence[str]:
    """Return the two of several words which the fewest identifiers have, in alphabetical order."""
    if len(words) > 2:  # noqa: PLR2004 - of two there is nothing to choose
        chosen = sorted({(frequency[word], word) for word in words})[:2]
        words = [word for _, word in chosen]
    return sorted((words[0], words[-1]))


def telling(text: str) -> dict[str, str]:
    """Return the words of a text that can say something about a file: as compared, and as the text has them first."""
    found: dict[str, str] = {}
    for part in _PART.findall(text):
        if part.lower() not in _EMPTY and (len(part) >= _SHORTEST or part.isdigit()):
            found.setdefault(stem(part), part.lower())
    return found
