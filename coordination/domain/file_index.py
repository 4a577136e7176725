"""What is known of a repository's files without their content: names, symbols, imports, and what changes together.

The index is made where the files are and sent to the service, which plans with it and never looks at a disk. Paths and
symbols are data: text of others that is compared and shown, never followed.
"""

from dataclasses import dataclass
from typing import Final

MAX_FILES: Final = 200_000
MAX_SYMBOLS: Final = 200
"""Symbols of one file, first come first kept."""
MAX_SYMBOL_CHARACTERS: Final = 100
MAX_IMPORTS: Final = 200
"""Files that one file imports."""
MAX_PARTNERS: Final = 20
"""Files that one file is known to change together with, the closest ones."""


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
            more files it changed.
    """

    path: str
    other: str
    weight: float


@dataclass(frozen=True, slots=True)
class FileIndex:
    """All that is known of one checkout."""

    files: tuple[IndexedFile, ...]
    co_changes: tuple[CoChange, ...] = ()
