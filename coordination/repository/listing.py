"""Which files a working tree has, by git: tracked ones and new ones, without what is ignored, deleted or a folder.

An unmodified file comes with git's own id of its content, so that nobody has to read it to know whether it changed.
What cannot be named towards the service (not UTF-8, control characters, too long) is left out and counted.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from coordination.domain.errors import InvalidInput
from coordination.domain.file_index import file_path
from coordination.repository.git import Git

_REGULAR: Final = (b"100644", b"100755")
_LINK: Final = b"120000"
ODD_NAME: Final = "odd name"
OTHER_REPOSITORY: Final = "another repository inside"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file of the tree.

    Attributes:
        path: as git names it, in Unicode NFC.
        place: where it is on the disk below the top level; differs from `path` where that is not NFC.
        blob: git's id of the content, '' when that is not known without reading: modified and new files.
        is_link: whether it is a symbolic link, whose target is not looked at.
    """

    path: str
    place: str
    blob: str
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """All files by path, and how many were left out, by reason."""

    files: tuple[ListedFile, ...]
    skipped: dict[str, int]


def list_files(git: Git) -> Listing:
    """List the files of a working tree.

    Raises:
        RepositoryUnreadable: git fails.
    """
    changed, deleted = _differing(git)
    skipped: Counter[str] = Counter()
    found: dict[str, ListedFile] = {}
    for mode, blob, name in _entries(git):
        if mode in _REGULAR or mode == _LINK:
            if name not in deleted:
                _add(found, skipped, name, "" if name in changed else blob, is_link=mode == _LINK)
        else:
            skipped[OTHER_REPOSITORY] += 1
    for name in _names(git.ask("ls-files", "-z", "--others", "--exclude-standard")):
        if name.endswith(b"/"):
            skipped[OTHER_REPOSITORY] += 1
        else:
            _add(found, skipped, name, "")
    return Listing(tuple(found[path] for path in sorted(found)), dict(skipped))


def _add(
    found: dict[str, ListedFile], skipped: Counter[str], name: bytes, blob: str, *, is_link: bool = False
) -> None:
    path, place = _path(name)
    if path is None or (path in found and found[path].place != place):
        skipped[ODD_NAME] += 1
    else:
        found[path] = ListedFile(path, place, blob, is_link)


def _path(name: bytes) -> tuple[str | None, str]:
    """Return how the service is told a name, or None when it cannot be told, and the name as text."""
    try:
        place = name.decode()
        path = unicodedata.normalize("NFC", place)
        same = file_path(path) == path
    except (UnicodeDecodeError, InvalidInput):
        return None, ""
    return (path if same else None), place


def _entries(git: Git) -> Iterator[tuple[bytes, str, bytes]]:
    """Yield mode, blob and name of each tracked file; of a merge that is not resolved, the first side."""
    before = b""
    for entry in _names(git.ask("ls-files", "-z", "--stage")):
        facts, _, name = entry.partition(b"\t")
        if name != before:
            mode, blob, _ = facts.split(b" ")
            yield mode, blob.decode(), name
        before = name


def _differing(git: Git) -> tuple[set[bytes], set[bytes]]:
    """Return the names of tracked files that differ from the index, and of those that are not there."""
    parts = iter(_names(git.ask("diff-files", "-z", "--raw", "--no-renames", "--ignore-submodules=all")))
    changed: set[bytes] = set()
    deleted: set[bytes] = set()
    for facts in parts:
        (deleted if facts.endswith(b"D") else changed).add(next(parts))
    return changed, deleted - changed


def _names(answer: bytes) -> Iterable[bytes]:
    return answer.split(b"\0")[:-1]
