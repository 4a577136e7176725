"""A file index prepared for questions: which files have this word, this symbol, this importer, this partner.

Made once for an index and asked for every task. Files are numbered in the order of the index. The weight of a word is
its inverse document frequency (Spaerck Jones, 1972): what half of the files share tells nothing, what two share a lot.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Final, TypeVar

from coordination.domain.file_index import FileIndex
from coordination.domain.path import fold
from coordination.domain.plan.words import Vocabulary, parts, stem, vocabulary

T = TypeVar("T")

_TEST_WORDS: Final = frozenset(map(stem, ("test", "tests", "spec", "conftest")))
# Names that say nothing without the folder that they are in.
_MAIN_NAMES: Final = frozenset({"__init__", "__main__", "index", "main", "mod"})
_SAMPLE: Final = 50
"""In fewer files than this, that several have a word does not make it a common one."""
_FOLDERS: Final = 3
"""So many of the innermost folders have a say in what a file is about."""


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

    def __init__(self, index: FileIndex) -> None:
        self.paths: Final = tuple(file.path for file in index.files)
        self.keys: Final = tuple(map(fold, self.paths))
        self.numbers: Final = {key: number for number, key in enumerate(self.keys)}
        self._index: Final = index

    @classmethod
    def prepared(cls, index: FileIndex) -> "Corpus":
        """Return an index with all that questions need, so that none has to wait for it."""
        corpus = cls(index)
        for part in (
            "words",
            "by_word",
            "rarity",
            "by_name",
            "by_stem",
            "symbols",
            "vocabulary",
            "importers",
            "partners",
        ):
            getattr(corpus, part)
        return corpus

    @cached_property
    def words(self) -> tuple[FileWords, ...]:
        """The words of every path."""
        return tuple(map(_file_words, self.paths))

    @cached_property
    def by_word(self) -> Mapping[str, tuple[int, ...]]:
        """Files with the word in their own name."""
        return _inverted((number, words.name) for number, words in enumerate(self.words))

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
    def by_name(self) -> Mapping[str, tuple[int, ...]]:
        """Files by their last part, as it is compared."""
        return _inverted((number, (key.rpartition("/")[2],)) for number, key in enumerate(self.keys))

    @cached_property
    def by_stem(self) -> Mapping[str, tuple[int, ...]]:
        """Files by their name up to its first dot, as it is compared."""
        stems = ((number, key.rpartition("/")[2].partition(".")[0]) for number, key in enumerate(self.keys))
        return _inverted((number, (name,)) for number, name in stems if name)

    @cached_property
    def symbols(self) -> Mapping[str, tuple[int, ...]]:
        """Files that define a symbol, by its exact name."""
        return _inverted((number, file.symbols) for number, file in enumerate(self._index.files))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of all symbols."""
        return vocabulary(tuple(self.symbols))

    @cached_property
    def imports(self) -> tuple[tuple[int, ...], ...]:
        """For every file the files that it imports."""
        return tuple(self._known(file.imports) for file in self._index.files)

    @cached_property
    def importers(self) -> Mapping[int, tuple[int, ...]]:
        """For a file the files that import it."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for number, imported in enumerate(self.imports):
            for other in imported:
                found[other].append(number)
        return {number: tuple(others) for number, others in found.items()}

    @cached_property
    def partners(self) -> Mapping[int, tuple[tuple[int, float], ...]]:
        """For a file those it changes together with, and how often: the share of its own changes."""
        found: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
        for change in self._index.co_changes:
            pair = self._known((change.path, change.other))
            if len(pair) > 1:
                found[pair[0]].append((pair[1], change.weight))
        return {number: tuple(others) for number, others in found.items()}

    def number(self, path: str) -> int | None:
        """Return the number of a file however its path is spelt, None when the index does not have it."""
        return self.numbers.get(fold(path))

    def spelt(self, path: str) -> str:
        """Return a path as the index spells it, or as it is when the index does not have it."""
        number = self.number(path)
        return path if number is None else self.paths[number]

    def below(self, folder: str) -> tuple[int, ...]:
        """Return the files below a folder, by its key."""
        return tuple(number for number, key in enumerate(self.keys) if key.startswith(folder + "/"))

    def ending(self, key: str) -> tuple[int, ...]:
        """Return the files whose path is `key`, or ends in it after a slash."""
        named = self.by_name.get(key.rpartition("/")[2], ())
        return tuple(
            number for number in named if self.keys[number] == key or self.keys[number].endswith("/" + key)
        )

    def _known(self, paths: Iterable[str]) -> tuple[int, ...]:
        return tuple(self.numbers[key] for key in map(fold, paths) if key in self.numbers)


def _inverted(entries: Iterable[tuple[T, Iterable[str]]]) -> dict[str, tuple[T, ...]]:
    found: defaultdict[str, list[T]] = defaultdict(list)
    for one, words in entries:
        for word in words:
            found[word].append(one)
    return {word: tuple(ones) for word, ones in found.items()}


def _file_words(path: str) -> FileWords:
    *folders, last = path.split("/")
    name, _, _ = last.partition(".") if not last.startswith(".") else (last[1:], "", "")
    is_main = name.lower() in _MAIN_NAMES
    if is_main and folders:
        name = folders.pop()
    around = frozenset(word for folder in folders[-_FOLDERS:] for word in parts(folder))
    words = frozenset(parts(name))
    is_test = bool((words | around) & _TEST_WORDS) or ".test." in last or ".spec." in last
    return FileWords(words - _TEST_WORDS or words, around - _TEST_WORDS, is_test, is_main)
