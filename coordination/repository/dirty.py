"""Which files of a working tree hold work that no commit has: modified, staged, new, deleted, or in conflict.

What git cannot say within its time counts as dirty: whoever asks keeps a lease for the sake of such work. Ignored files
are never dirty, and a repository inside is looked at as a tree of its own.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from coordination.domain.path import fold
from coordination.repository.git import Git, RepositoryUnreadable

SECONDS: Final = 2.0
_AT_ONCE: Final = 200
"""Paths of one command line, which of some systems has less than a megabyte."""
# How many fields stand before the name, by the first letter of an entry.
_FIELDS: Final = {b"1": 8, b"u": 10, b"?": 1}


def dirty(
    top: Path, paths: Iterable[str], environment: Mapping[str, str], *, seconds: float = SECONDS
) -> frozenset[str]:
    """Return those of some files or folders that are dirty, or that hold something dirty.

    Args:
        top: the real path of the tree's top level.
        paths: their names below it.
        environment: the variables of whoever asks, for git.
        seconds: how long git may take, for each 200 paths.
    """
    asked = tuple(dict.fromkeys(paths))
    found: set[str] = set()
    for start in range(0, len(asked), _AT_ONCE):
        found.update(_dirty(top, asked[start : start + _AT_ONCE], environment, seconds))
    return frozenset(found)


def _dirty(top: Path, paths: Sequence[str], environment: Mapping[str, str], seconds: float) -> Iterable[str]:
    try:
        answer = Git(top, environment).ask(
            "status",
            "--porcelain=v2",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--ignore-submodules=all",
            "--",
            *paths,
            seconds=seconds,
        )
    except (RepositoryUnreadable, OSError, ValueError):
        # OSError: the tree is gone. ValueError: a NUL in a name. Neither says that nothing would be lost.
        return paths
    names = {fold(name) for name in _names(answer)}
    covered = {above for name in names for above in _and_above(name)}
    return {path for path in paths if fold(path) in covered or not names.isdisjoint(_and_above(fold(path)))}


def _names(answer: bytes) -> Iterator[str]:
    for entry in answer.split(b"\0")[:-1]:
        fields = _FIELDS.get(entry[:1])
        if fields is not None:
            yield os.fsdecode(entry.split(b" ", fields)[fields].rstrip(b"/"))


def _and_above(name: str) -> Iterator[str]:
    yield "."
    while name:
        yield name
        name = name.rpartition("/")[0]
