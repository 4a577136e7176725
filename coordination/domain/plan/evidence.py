"""Why a task may touch a file: four sources, each of which can speak alone.

Text and symbols look at what the task says; imports and co-change go on from the files that these found. Every
source gives evidence with a confidence of its own, and `predict` puts them together as independent signs (noisy-or:
Pearl, "Probabilistic Reasoning in Intelligent Systems", 1988, section 4.3). The numbers are judgements, checked
against a repository with known history by the tests.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, islice
from math import fsum, sqrt
from typing import Final

from coordination.domain.errors import InvalidInput
from coordination.domain.path import ROOT_KEY, LockPath, fold, normalise
from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.words import parts, stem, telling


class Source(StrEnum):
    """Where evidence comes from."""

    GIVEN = "given"
    TEXT = "text"
    SYMBOLS = "symbols"
    IMPORTS = "imports"
    CO_CHANGE = "co_change"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sign that a task touches a file.

    Attributes:
        path: the file; it need not exist yet.
        confidence: 0 to 1, of this sign alone.
        reason: why, in a few words; names of files and symbols in it are the repository's own.
    """

    path: str
    source: Source
    confidence: float
    reason: str


SEED: Final = 0.5
"""From files that are as likely as this, imports and history are followed."""
_EXACT, _BY_ENDING, _NEW_FILE, _NAMED_FILE = 0.97, 0.9, 0.85, 0.85
_IN_FOLDER, _LARGE_FOLDER = 0.6, 20
_LARGEST_FOLDER: Final = 2_400
"""That a folder of more files is named says nothing about any of them: each would be as likely as one in 200."""
_NAMED_SYMBOL, _SPOKEN_SYMBOL = 0.85, 0.6
_MOST_DEFINERS: Final = 5
"""A symbol that more files than this define (`run`, `Meta`) says nothing about which one is meant."""
_BY_NAME, _TEST_SHARE, _MAIN_SHARE = 0.75, 0.8, 0.4
_WEAKEST: Final = 0.05
_BESIDE_EXACT: Final = 0.35
"""What is left of a word that is also a file's name, in a task that names something exactly."""
_IMPORTER, _IMPORTER_OF_CHANGED, _IMPORTED = 0.2, 0.7, 0.1
_MOST_IMPORTERS: Final = 25
_TOGETHER: Final = 0.9

# What is no mention, or not called, is matched as well and left out: else each of its characters would be tried as the
# beginning of one, and each time to the end of the word.
_MENTION: Final = re.compile(
    r"((?<![\w@.()\[\]+-])[\w@.()\[\]+-]++(?:(?:/[\w@.()\[\]+-]++)++/?|/(?!/))"
    r"|\.?[\w@+-][\w@.+-]*\.[A-Za-z]\w{0,5}\b)"
    r"|\.?[\w@+-][\w@.+-]*+"
)
_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*")
_QUOTED: Final = re.compile(r"`([^`\s]+)`|\b([^\W\d][\w.]*+)(\(\))?")
MOST_MENTIONS: Final = 100
"""Different paths that one task's text is searched for, the first ones."""
MOST_WORDS: Final = 60
"""Words of one task that names are looked up by; what the others say of these names still counts."""
# What is said of a change that those who use the changed thing notice.
_OUTWARD: Final = frozenset(
    map(stem, ("rename", "signature", "interface", "remove", "deprecate", "replace", "caller", "usage", "everywhere",
               "parameter", "argument", "contract", "api"))
)  # fmt: skip


def from_text(corpus: Corpus, text: str) -> Iterator[Evidence]:
    """Yield evidence from paths that the text names, and from names of files that it speaks of."""
    mentions = _mentions(text)
    for mention in mentions:
        yield from _mentioned(corpus, mention)
    named = _named(text)
    for name in sorted(named):
        files = corpus.by_stem.get(fold(name), ())
        for number in files if len(files) <= _MOST_DEFINERS else ():
            yield Evidence(
                corpus.paths[number], Source.TEXT, _NAMED_FILE / sqrt(len(files)), f"the task names {name}"
            )
    spoken = telling(_MENTION.sub(lambda match: " " if match[1] else match[0], text))
    exact = mentions or any(name in corpus.symbols or fold(name) in corpus.by_stem for name in named)
    forms, place = frozenset(spoken), {form: number for number, form in enumerate(spoken)}
    asked = _rarest({word: len(corpus.by_word.get(word, ())) for word in spoken})
    for number in sorted({number for word in asked for number in corpus.by_word[word]}):
        confidence = _spoken_name(corpus, number, forms) * (_BESIDE_EXACT if exact else 1.0)
        if confidence >= _WEAKEST:
            words = corpus.words[number]
            said = [
                spoken[form] for form in sorted((words.name | words.folders) & forms, key=place.__getitem__)
            ]
            reason = f"the task speaks of {', '.join(said)}"
            yield Evidence(corpus.paths[number], Source.TEXT, confidence, reason)


def from_symbols(corpus: Corpus, text: str) -> Iterator[Evidence]:
    """Yield evidence from symbols that the text names, or speaks of word for word."""
    named = _named(text)
    for symbol in sorted(named):
        yield from _defined(corpus, symbol, _NAMED_SYMBOL, f"defines {symbol}")
    words = telling(text).keys()
    pairs = combinations(
        sorted(_rarest({word: corpus.vocabulary.frequency.get(word, 0) for word in words})), 2
    )
    candidates = {symbol for pair in pairs for symbol in corpus.vocabulary.by_pair.get(pair, ())}
    for symbol in sorted(symbol for symbol in candidates - named if words >= set(parts(symbol))):
        yield from _defined(corpus, symbol, _SPOKEN_SYMBOL, f"defines {symbol}")


def from_imports(corpus: Corpus, seeds: dict[int, float], text: str) -> Iterator[Evidence]:
    """Yield evidence for files that import the seeds, or are imported by them.

    Args:
        seeds: likely files by number, with their confidence.
        text: the task; whether it changes what others see decides how much their users matter.
    """
    strength = _IMPORTER_OF_CHANGED if telling(text).keys() & _OUTWARD else _IMPORTER
    for seed, confidence in seeds.items():
        users = corpus.importers(seed)
        if len(users) <= _MOST_IMPORTERS:
            for user in users:
                yield Evidence(
                    corpus.paths[user], Source.IMPORTS, confidence * strength, f"imports {corpus.paths[seed]}"
                )
        for used in corpus.imports(seed):
            weak = _IMPORTED / sqrt(max(len(corpus.importers(used)), 1))
            yield Evidence(
                corpus.paths[used], Source.IMPORTS, confidence * weak, f"imported by {corpus.paths[seed]}"
            )


def from_co_change(corpus: Corpus, seeds: dict[int, float]) -> Iterator[Evidence]:
    """Yield evidence for files that history changed together with the seeds."""
    for seed, confidence in seeds.items():
        for partner, weight in corpus.partners(seed):
            reason = f"changed together with {corpus.paths[seed]}"
            yield Evidence(corpus.paths[partner], Source.CO_CHANGE, confidence * weight * _TOGETHER, reason)


def _rarest(frequency: dict[str, int]) -> list[str]:
    """Return of the words that there are the rarest, by how many names have each."""
    known = sorted((many, word) for word, many in frequency.items() if many)
    return [word for _, word in known[:MOST_WORDS]]


def _mentions(text: str) -> list[str]:
    """Return the first of the paths that a text names, or what looks like one, without duplicates."""
    found = dict.fromkeys(match[1].rstrip(".") for match in _MENTION.finditer(text) if match[1])
    return list(islice(found, MOST_MENTIONS))


def _mentioned(corpus: Corpus, mention: str) -> Iterator[Evidence]:
    named = _inside(mention)
    if named is None:
        return
    if not mention.endswith("/"):
        exact = corpus.numbers.get(named.key)
        found = corpus.ending(named.key) if exact is None else (exact,)
        for number in found:
            confidence = _BY_ENDING / len(found) if exact is None else _EXACT
            yield Evidence(corpus.paths[number], Source.TEXT, confidence, "named in the task")
        if found:
            return
    below = corpus.below(named.key) if "/" in mention else ()
    if below:
        confidence = _IN_FOLDER if len(below) <= _LARGE_FOLDER else _IN_FOLDER * _LARGE_FOLDER / len(below)
        for number in below if len(below) <= _LARGEST_FOLDER else ():
            yield Evidence(corpus.paths[number], Source.TEXT, confidence, f"below {mention}")
    elif "/" in mention and "." in mention.rpartition("/")[2]:
        # Where nothing is known of the files, nothing is known of this one.
        reason = "named in the task; not there yet" if corpus.paths else "named in the task"
        yield Evidence(named.path, Source.TEXT, _NEW_FILE, reason)


def _inside(mention: str) -> LockPath | None:
    """Return the path that is meant, None where it is none of the repository, or the whole of that."""
    try:
        # Three dots are no folder, but an omission.
        bare = _bare(mention)
        path = normalise(bare.lstrip(".") if bare.startswith("...") else bare, literal=True)
    except InvalidInput:
        return None
    return None if path.key == ROOT_KEY else path


def _bare(mention: str) -> str:
    """Return a path without the brackets of the sentence around it; `app/(shop)/[id].ts` keeps its own."""
    for left, right in ("()", "[]"):
        whole = mention.startswith(left) and mention.endswith(right) and mention.count(left) == 1
        if whole or left not in mention:
            mention = mention.rstrip(right)
        if whole or right not in mention:
            mention = mention.lstrip(left)
    return mention


def _spoken_name(corpus: Corpus, number: int, spoken: frozenset[str]) -> float:
    words, rarity = corpus.words[number], corpus.rarity
    matched = [rarity[word] for word in words.name & spoken]
    # Whatever the order of a set is in this process, the sum is the same.
    whole = corpus.whole_rarity[number]
    coverage = fsum(matched) / whole if whole else 0.0
    # One common word is a weak sign; a folder that is spoken of too makes it a good one.
    around = len(words.folders & spoken)
    confidence = _BY_NAME * coverage**2 * min(1.0, max(matched, default=0.0) + 0.3 * around)
    if words.is_test:
        confidence *= _TEST_SHARE
    if words.is_main:
        confidence *= _MAIN_SHARE
    return confidence


def _defined(corpus: Corpus, symbol: str, confidence: float, reason: str) -> Iterator[Evidence]:
    files = corpus.symbols.get(symbol, ())
    if len(files) <= _MOST_DEFINERS:
        for number in files:
            yield Evidence(corpus.paths[number], Source.SYMBOLS, confidence / sqrt(len(files)), reason)


def _named(text: str) -> set[str]:
    """Return what a text names as one names things in code: spelt like it, quoted, or called."""
    named = {name for name in _IDENTIFIER.findall(text) if _looks_like_code(name)}
    quoted = (match[1] or (match[3] and match[2]) or "" for match in _QUOTED.finditer(text))
    return named | {part for name in quoted for part in name.split(".") if part}


def _looks_like_code(name: str) -> bool:
    return "_" in name.strip("_") or any(upper.isupper() for upper in name[1:])


def strongest(signs: Iterable[Evidence]) -> dict[tuple[str, Source], Evidence]:
    """Return the strongest evidence of each source for each path: two words of one source are not two signs."""
    best: dict[tuple[str, Source], Evidence] = {}
    for sign in signs:
        key = (sign.path, sign.source)
        if key not in best or best[key].confidence < sign.confidence:
            best[key] = sign
    return best
