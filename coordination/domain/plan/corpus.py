"""A file index prepared for questions: which files have this word, this symbol, this importer, this partner.

Made once for an index and asked for every task. Files are numbered in the order of the index. The weight of a word is
its inverse document frequency (Spaerck Jones, 1972): what half of the files share tells nothing, what two share a lot.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import fsum, log
from typing import Final

from coordination.domain.file_index import FileIndex, IndexLines, in_lines, lines
from coordination.domain.path import fold
from coordination.domain.plan.words import Vocabulary, parts, stem, vocabulary

_TEST_WORDS: Final = frozenset(map(stem, ("test", "tests", "spec", "conftest")))
# Names that say nothing without the folder that they are in.
_MAIN_NAMES: Final = frozenset({"__init__", "__main__", "index", "main", "mod"})
_SAMPLE: Final = 50
"""In fewer files than this, that several have a word does not make it a common one."""
_FOLDERS: Final = 3
"""So many of the innermost folders have a say in what a file is about."""
_AFTER_SLASH: Final = chr(ord("/") + 1)

_PARTS: Final = (
    "words",
    "by_word",
    "symbols",
    "vocabulary",
    "rarity",
    "whole_rarity",
    "by_name",
    "by_stem",
    "by_key",
    "by_imported",
)


@dataclass(frozen=True, slots=True)
class FileWords:
    """The words of one path.

    Attributes:
        name: those of the file's own name, or of its folder's where the name says nothing.
        folders: those of the folders around it.
        is_test: the file tests others, by its name or place.
        is_main: its own name says nothing, as that of `__init__.py`.
    """

    name: frozenset[str]
    folders: frozenset[str]
    is_test: bool
    is_main: bool


class Corpus:
    """An index, prepared."""

    def __init__(self, index: FileIndex | IndexLines) -> None:
        self.lines: Final = index if isinstance(index, IndexLines) else in_lines(index)
        self.paths: Final = self.lines.paths
        self.keys: Final = _folded(self.paths)
        self.numbers: Final = {key: number for number, key in enumerate(self.keys)}

    def prepare(self) -> Iterator[None]:
        """Make all that questions need, part by part, so that none has to wait for it."""
        for part in _PARTS:
            getattr(self, part)
            yield

    @cached_property
    def words(self) -> tuple[FileWords, ...]:
        """The words of every path."""
        return tuple(map(_file_words, self.paths))

    @cached_property
    def by_word(self) -> Mapping[str, Sequence[int]]:
        """Files with the word in their own name."""
        return _inverted(words.name for words in self.words)

    @cached_property
    def rarity(self) -> Mapping[str, float]:
        """How much a word of file names tells: 1 when a single file has it, less when more have, or symbols do."""
        most = log(max(len(self.paths), len(self.symbols), _SAMPLE))
        spoken = self.vocabulary.frequency
        return {
            word: 1.0 - log(max(len(files), spoken.get(word, 1))) / most
            for word, files in self.by_word.items()
        }

    @cached_property
    def whole_rarity(self) -> tuple[float, ...]:
        """For every file the sum of its name's words: it does not depend on the order of sets, as processes do."""
        rarity = self.rarity
        return tuple(fsum([rarity[word] for word in words.name]) for words in self.words)

    @cached_property
    def by_name(self) -> Mapping[str, Sequence[int]]:
        """Files by their last part, as it is compared."""
        return _inverted((key.rpartition("/")[2],) for key in self.keys)

    @cached_property
    def by_stem(self) -> Mapping[str, Sequence[int]]:
        """Files by their name up to its first dot, as it is compared."""
        stems = (key.rpartition("/")[2].partition(".")[0] for key in self.keys)
        return _inverted((name,) if name else () for name in stems)

    @cached_property
    def by_key(self) -> tuple[Sequence[str], Sequence[int]]:
        """The keys of all files in order, and the number of each."""
        numbers = sorted(range(len(self.keys)), key=self.keys.__getitem__)
        return tuple(self.keys[number] for number in numbers), numbers

    @cached_property
    def symbols(self) -> Mapping[str, Sequence[int]]:
        """Files that define a symbol, by its exact name."""
        return _inverted(map(lines, self.lines.symbols))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of all symbols."""
        return vocabulary(tuple(self.symbols))

    @cached_property
    def by_imported(self) -> Mapping[str, Sequence[int]]:
        """Files that import a file, by the path of that as it is compared."""
        return _inverted(map(lines, _folded(self.lines.imports, "\0")))

    def imports(self, number: int) -> tuple[int, ...]:
        """Return the files that a file imports."""
        return tuple(found for _, found in self._known(self.lines.imports[number]))

    def importers(self, number: int) -> Sequence[int]:
        """Return the files that import a file."""
        return self.by_imported.get(self.keys[number], ())

    def partners(self, number: int) -> Iterator[tuple[int, float]]:
        """Yield the files that a file changes together with, and how often: the share of its own changes."""
        weights = lines(self.lines.weights[number])
        for place, found in self._known(self.lines.partners[number]):
            yield found, float(weights[place])

    def number(self, path: str) -> int | None:
        """Return the number of a file however its path is spelt, None when the index does not have it."""
        return self.numbers.get(fold(path))

    def spelt(self, path: str) -> str:
        """Return a path as the index spells it, or as it is when the index does not have it."""
        number = self.number(path)
        return path if number is None else self.paths[number]

    def below(self, folder: str) -> tuple[int, ...]:
        """Return the files below a folder, by its key."""
        keys, numbers = self.by_key
        begin = bisect_left(keys, folder + "/")
        return tuple(sorted(numbers[begin : bisect_left(keys, folder + _AFTER_SLASH, begin)]))

    def ending(self, key: str) -> tuple[int, ...]:
        """Return the files whose path is `key`, or ends in it after a slash."""
        named = self.by_name.get(key.rpartition("/")[2], ())
        return tuple(
            number for number in named if self.keys[number] == key or self.keys[number].endswith("/" + key)
        )

    def _known(self, paths: str) -> Iterator[tuple[int, int]]:
        """Yield of some paths, one a line, those that the index has: their place among them, and their number."""
        for place, path in enumerate(lines(paths)):
            number = self.number(path)
            if number is not None:
                yield place, number


def _folded(texts: Sequence[str], between: str = "\n") -> tuple[str, ...]:
    """Fold many texts at once; none has `between` in it, which nothing is folded into or away with."""
    return tuple(fold(between.join(texts)).split(between)) if texts else ()


def _inverted(entries: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """Return for each word the numbers of the entries that have it."""
    found: dict[str, list[int]] = {}
    for number, words in enumerate(entries):
        for word in words:
            numbers = found.get(word)
            if numbers is None:
                found[word] = [number]
            else:
                numbers.append(number)
    return found


@lru_cache(maxsize=50_000)
def _folder_words(folders: str) -> frozenset[str]:
    return frozenset(parts(folders))


def _file_words(path: str) -> FileWords:
    *folders, last = path.split("/")
    name, _, _ = last.partition(".") if not last.startswith(".") else (last[1:], "", "")
    is_main = name.lower() in _MAIN_NAMES
    if is_main and folders:
        name = folders.pop()
    around = _folder_words("/".join(folders[-_FOLDERS:]))
    words = frozenset(parts(name))
    is_test = bool((words | around) & _TEST_WORDS) or ".test." in last or ".spec." in last
    return FileWords(words - _TEST_WORDS or words, around - _TEST_WORDS, is_test, is_main)
