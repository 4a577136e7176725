"""What is known of a repository's files without their content: names, symbols, imports, and what changes together.

The index is made where the files are and sent to the service, which plans with it and never looks at a disk. Paths and
symbols are data: text of others that is compared and shown, never followed.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from coordination.domain.errors import InvalidInput
from coordination.domain.path import MAX_PATH_BYTES, ROOT_KEY, LockPath, fold, normalise
from coordination.domain.text import shown

MAX_FILES: Final = 200_000
MAX_SYMBOLS: Final = 200
"""Symbols of one file, first come first kept."""
MAX_SYMBOL_CHARACTERS: Final = 100
MAX_IMPORTS: Final = 200
"""Files that one file imports."""
MAX_PARTNERS: Final = 20
"""Files that one file is known to change together with, the closest ones."""
_PLAIN: Final = re.compile(r"(?:(?!\.{1,2}/)[\w.@+-]{1,255}/){0,19}(?!\.{1,2}\Z)[\w.@+-]{1,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """One file of a repository.

    Attributes:
        path: repo-relative, as git names it.
        symbols: names that the file defines (functions, classes, methods, exports), without duplicates.
        imports: paths of files of the same repository that it imports.
    """

    path: str
    symbols: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoChange:
    """That a change of `path` went along with a change of `other`, in recent history.

    Attributes:
        weight: 0 to 1; the share of the changes of `path` that changed `other` too, where a commit counts less the
            more files it changed, and half when it is the only one that changed both.
    """

    path: str
    other: str
    weight: float


@dataclass(frozen=True, slots=True)
class FileIndex:
    """All that is known of one checkout."""

    files: tuple[IndexedFile, ...]
    co_changes: tuple[CoChange, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexLines:
    """An index with every list as one text of lines, as it is kept: few objects, whatever it knows of each file.

    Attributes:
        paths: of the files; each other attribute says of each of them, in the same order.
        symbols: the names that it defines.
        imports: paths of files that it imports.
        partners: paths of files that it changes together with, the closest ones first.
        weights: how much, for each partner.
    """

    paths: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()

    def of(self, files: Sequence[LockPath]) -> "IndexLines":
        """Return what is known of these files, in their order; of one that is not in the index, the path alone."""
        numbers = {fold(path): number for number, path in enumerate(self.paths)}
        found = [(numbers.get(file.key), file.path) for file in files]
        every = (self.symbols, self.imports, self.partners, self.weights)
        paths = tuple(path if number is None else self.paths[number] for number, path in found)
        return IndexLines(
            paths, *(tuple("" if number is None else texts[number] for number, _ in found) for texts in every)
        )

    def whole(self) -> FileIndex:
        """Return the same with each name by itself."""
        files = zip(self.paths, map(lines, self.symbols), map(lines, self.imports), strict=True)
        known = zip(self.paths, map(lines, self.partners), map(lines, self.weights), strict=True)
        return FileIndex(
            tuple(IndexedFile(*file) for file in files),
            tuple(
                CoChange(path, other, float(weight))
                for path, others, weights in known
                for other, weight in zip(others, weights, strict=True)
            ),
        )


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file as it is sent and stored: what it is, and with which files it changes together.

    Attributes:
        partners: the closest ones first.
        digest: tells whether any of this changed. It is made of names alone, so it tells nothing of a content.
    """

    file: IndexedFile
    partners: tuple[CoChange, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file of which something is stored, and the digest of that."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh that was begun: its number, and of how many files and which fingerprint the index is at present."""

    refresh: int
    files: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """The index of one checkout of a session.

    Attributes:
        checkout: the key of the working tree, '' when it is unknown.
        files: how many files are in it.
        with_symbols: of how many of them names are known.
        commit: what was checked out, '' before the first commit.
        refreshed_at: when it was last brought up to date, by the database's clock.
    """

    checkout: str
    files: int
    with_symbols: int
    commit: str
    refreshed_at: datetime


def file_path(raw: str, *, field: str = "path") -> str:
    """Return the path of a file as the service keeps it.

    Args:
        raw: the caller's text, relative to the repository's top level; every character stands for itself.
        field: name of the input field, for messages.

    Raises:
        InvalidInput: `domain.path` refuses it, or it names the whole tree or something that is no file.
    """
    # Most names are plain, and an index has many: all else is looked at character by character.
    if len(raw) <= MAX_PATH_BYTES and _PLAIN.fullmatch(raw):
        return raw
    path = normalise(raw, literal=True, field=field)
    if path.key == ROOT_KEY or path.is_resource:
        raise InvalidInput(
            f'{field}: "{shown(raw)}" is not the path of a file. Send one such as "src/app.py".'
        )
    return path.path


def entries(index: FileIndex) -> list[FileEntry]:
    """Return the files of an index by path, each with its partners and digest."""
    partners: dict[str, list[CoChange]] = {}
    for found in index.co_changes:
        partners.setdefault(found.path, []).append(found)
    made = ((file, tuple(partners.get(file.path, ()))[:MAX_PARTNERS]) for file in index.files)
    return sorted((FileEntry(file, known, _digest(file, known)) for file, known in made), key=_path)


def in_lines(index: FileIndex) -> IndexLines:
    """Return an index as it is kept, its files in the same order."""
    partners: dict[str, list[CoChange]] = {}
    for found in index.co_changes:
        partners.setdefault(found.path, []).append(found)
    known = [partners.get(file.path, ()) for file in index.files]
    return IndexLines(
        tuple(file.path for file in index.files),
        tuple("\n".join(file.symbols) for file in index.files),
        tuple("\n".join(file.imports) for file in index.files),
        tuple("\n".join(one.other for one in mine) for mine in known),
        tuple("\n".join(str(one.weight) for one in mine) for mine in known),
    )


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text; an empty one has none."""
    return tuple(text.split("\n")) if text else ()


def fingerprint(files: Iterable[KnownFile]) -> str:
    """Return what tells one index from another: a digest of all paths and digests, in the order of the paths."""
    whole = hashlib.sha256()
    for known in files:
        whole.update(f"{known.path}\n{known.digest}\n".encode())
    return whole.hexdigest()


def _path(entry: FileEntry) -> str:
    return entry.file.path


def _digest(file: IndexedFile, partners: tuple[CoChange, ...]) -> str:
    facts = [file.symbols, file.imports, [(found.other, found.weight) for found in partners]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
