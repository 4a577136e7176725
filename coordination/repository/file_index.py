"""Making the file index of a working tree: list, read, resolve, and look into the history.

What comes of it holds names alone. Whatever one file is like, the others are indexed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from coordination.domain.file_index import MAX_FILES, MAX_IMPORTS, FileIndex, IndexedFile
from coordination.repository.extract_cache import ExtractCache
from coordination.repository.extraction import Progress, extract_all
from coordination.repository.git import Git
from coordination.repository.history import head, read_co_changes
from coordination.repository.listing import ListedFile, list_files
from coordination.repository.python_import import PythonImports
from coordination.repository.script_import import ScriptImports
from coordination.repository.script_settings import ScriptSettings
from coordination.repository.source import PYTHON, Extract, is_source, suffix_of

TOO_MANY: Final = "more files than an index can have"


class Stage(StrEnum):
    """What is being done."""

    LIST = "listing files"
    READ = "reading sources"
    HISTORY = "reading the history"


@dataclass(frozen=True, slots=True)
class MadeIndex:
    """The index of a working tree, and how it came about.

    Attributes:
        index: what is known.
        commit: the commit that is checked out, '' before the first one.
        sources: how many files are in a language that is read.
        read: how many of them had to be read, because they were new or had changed since the last time.
        skipped: how many files were left out, by reason.
        has_history: whether the history could be read.
    """

    index: FileIndex
    commit: str
    sources: int
    read: int
    skipped: Mapping[str, int] = field(default_factory=dict[str, int])
    has_history: bool = True


Watch = Callable[[Stage, int], Progress]
"""Is told when a stage begins and how many steps it has; returns what is told of steps that are done."""


def make_index(
    top: Path,
    cache_folder: Path,
    environment: Mapping[str, str],
    watch: Watch = lambda stage, steps: lambda done: None,
) -> MadeIndex:
    """Make the index of a working tree.

    Args:
        top: the real path of its top level.
        cache_folder: where what was read is kept.
        environment: the variables under which git runs, cleaned of what would lead it elsewhere.
        watch: is told how far it is.

    Raises:
        RepositoryUnreadable: git is missing, or refuses the repository.
    """
    watch(Stage.LIST, 0)
    git = Git(top, environment)
    listing = list_files(git)
    files, skipped = _bounded(listing.files), dict(listing.skipped)
    if len(files) < len(listing.files):
        skipped[TOO_MANY] = len(listing.files) - len(files)
    cache = ExtractCache(cache_folder, top)
    extracted = extract_all(top, files, cache, watch(Stage.READ, len(files)))
    cache.write()
    indexed = _resolved(top, files, extracted.extracts)
    watch(Stage.HISTORY, 0)
    co_changes = read_co_changes(git, [file.path for file in files])
    return MadeIndex(
        FileIndex(indexed, co_changes or ()),
        head(git),
        sum(is_source(file.path) for file in files),
        extracted.read,
        skipped,
        co_changes is not None,
    )


def _bounded(files: Sequence[ListedFile]) -> Sequence[ListedFile]:
    """Leave out what an index has no room for, other files before sources."""
    if len(files) <= MAX_FILES:
        return files
    return sorted(
        sorted(files, key=lambda file: not is_source(file.path))[:MAX_FILES], key=lambda file: file.path
    )


def _resolved(
    top: Path, files: Sequence[ListedFile], extracts: Mapping[str, Extract]
) -> tuple[IndexedFile, ...]:
    paths = [file.path for file in files]
    python = PythonImports(paths)
    scripts = ScriptImports(paths, ScriptSettings(top, paths))
    found: list[IndexedFile] = []
    for path in paths:
        extract = extracts.get(path, _NOTHING)
        resolver = python if suffix_of(path) in PYTHON else scripts
        imports = dict.fromkeys(resolver.resolve(path, extract.imports))
        imports.pop(path, None)
        found.append(IndexedFile(path, extract.symbols, tuple(imports)[:MAX_IMPORTS]))
    return tuple(found)


_NOTHING: Final = Extract()
