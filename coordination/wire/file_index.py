"""What goes over the wire of file indexes: names of files, of what they define, and of files again; never a content.

Lengths and numbers are bounded here; what a path may be is decided by the domain. Of a list that is wrong the first
fault is told: to make half a million takes seconds, in which nobody else is answered.
"""

from typing import Annotated, Final

from pydantic import BaseModel, Field

from coordination.domain.file_index import (
    MAX_FILES,
    MAX_IMPORTS,
    MAX_PARTNERS,
    MAX_SYMBOL_CHARACTERS,
    MAX_SYMBOLS,
    CoChange,
    FileEntry,
    IndexedFile,
    IndexSummary,
    KnownFile,
)
from coordination.wire.rest import Body, Person
from coordination.wire.text import PlainText

MAX_BATCH: Final = 2000
"""Files of one batch; a body has a mebibyte at most besides."""
MAX_REMOVED: Final = 10_000

CheckoutKey = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{12})?$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
CommitId = Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")]
RefreshNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]
Symbol = Annotated[PlainText, Field(min_length=1, max_length=MAX_SYMBOL_CHARACTERS)]


class RefreshBegin(Body):
    """Which checkout's index to refresh: its key, or empty when the working tree is unknown.

    Attributes:
        by: the person who begins the session too, when it is not there; left out, it must be.
    """

    checkout: CheckoutKey = ""
    by: Person | None = None


class Partner(Body):
    """A file that changes together with another one; `weight` is 0 to 1, more for closer ones."""

    path: str
    weight: Annotated[float, Field(ge=0, le=1, strict=False, allow_inf_nan=False)]


class FileFacts(Body):
    """What is known of one file.

    Attributes:
        path: relative to the repository.
        digest: hexadecimal; another one whenever any of the rest is.
        symbols: names that the file defines.
        imports: paths of files that it imports.
        co_changes: files that it changes together with, the closest first.
    """

    path: str
    digest: Digest
    symbols: Annotated[
        list[Symbol], Field(default_factory=list[Symbol], max_length=MAX_SYMBOLS, fail_fast=True)
    ]
    imports: Annotated[list[str], Field(default_factory=list[str], max_length=MAX_IMPORTS, fail_fast=True)]
    co_changes: Annotated[
        list[Partner], Field(default_factory=list[Partner], max_length=MAX_PARTNERS, fail_fast=True)
    ]

    def as_entry(self) -> FileEntry:
        """Return it as a value of the domain."""
        return FileEntry(
            IndexedFile(self.path, tuple(self.symbols), tuple(self.imports)),
            tuple(CoChange(self.path, found.path, found.weight) for found in self.co_changes),
            self.digest,
        )


class FileBatch(Body):
    """A part of a refresh: files that are new or changed, and paths of those that are gone."""

    checkout: CheckoutKey = ""
    refresh: RefreshNumber
    files: Annotated[
        list[FileFacts], Field(default_factory=list[FileFacts], max_length=MAX_BATCH, fail_fast=True)
    ]
    removed: Annotated[list[str], Field(default_factory=list[str], max_length=MAX_REMOVED, fail_fast=True)]


class RefreshEnd(Body):
    """That a refresh is whole.

    Attributes:
        checkout: as at its beginning.
        refresh: its number.
        files: how many files the index must hold now; any other number is refused.
        commit: the id of what is checked out, or empty.
        fingerprint: hexadecimal, the caller's digest of the whole index; the next beginning repeats it.
    """

    checkout: CheckoutKey = ""
    refresh: RefreshNumber
    files: Annotated[int, Field(ge=0, le=MAX_FILES)]
    commit: CommitId = ""
    fingerprint: Digest


class Added(BaseModel):
    """How many files a batch added, and how many paths it took away."""

    files: int
    removed: int


class KnownFilePage(BaseModel):
    """Files by path; `next_cursor` is the `after` of the next page, None on the last one."""

    files: list[KnownFile]
    next_cursor: str | None = None


class IndexPage(BaseModel):
    """The indexes of a session's checkouts, by key; `next_cursor` is the `after` of the next page, None on the last."""

    indexes: list[IndexSummary]
    next_cursor: str | None = None


def facts_of(entry: FileEntry) -> dict[str, object]:
    """Return what a `FileFacts` is made of; nothing that is empty is sent."""
    found: dict[str, object] = {
        "path": entry.file.path,
        "digest": entry.digest,
        "symbols": entry.file.symbols,
        "imports": entry.file.imports,
        "co_changes": [{"path": found.other, "weight": found.weight} for found in entry.partners],
    }
    return {name: value for name, value in found.items() if value}
