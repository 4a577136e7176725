"""Which file an edit is about: from the path that an edit tool was given to the name by which the service locks it.

Links of folders and files are followed, also where what they lead to does not exist yet, and the nearest working tree
above the real file counts: the inner one of two repositories, a worktree and not its main tree. On a disk on which
letter case does not count, the spelling of what exists is taken. A file with several hard links has several names,
and all of those in its working tree are given.

What is in no working tree has no lock: None. That includes what is inside `.git`, which no commit ever carries.
"""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coordination.domain.errors import InvalidInput
from coordination.domain.path import fold, normalise
from coordination.repository.checkout import find_top_level
from coordination.repository.git import Git, RepositoryUnreadable
from coordination.repository.ignored import IgnoredFiles

MOST_COMPARED: Final = 20_000
"""Names among which further hard links of a file are looked for: tracked files first, then new ones."""
LINKS_SECONDS: Final = 1.0
MOST_FILES: Final = 1_000
"""With several links, whose names are remembered."""


@dataclass(frozen=True, slots=True)
class EditedPath:
    """A file in a working tree; it need not exist.

    Attributes:
        top: the real path of the tree's git top level.
        relative: the file's name below it, with `/`.
        real: its real path.
        also: further names of the same file in this tree, other hard links, as far as they were found.
        ignored: whether git ignores it; then nobody needs a lock.
        claims: what to claim, with `literal`: the names, and for each that the service would refuse (control
            characters, over 1,024 bytes, not UTF-8, `resource:...`) the nearest folder above it that it would take,
            at worst `.`; a claim covers what is below it.
    """

    top: Path
    relative: str
    real: Path
    also: tuple[str, ...] = ()
    ignored: bool = False
    claims: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        claims = dict.fromkeys(_claimable(name) for name in (self.relative, *self.also))
        object.__setattr__(self, "claims", tuple(claims))

    @property
    def files(self) -> tuple[Path, ...]:
        """All names of the file, as absolute paths: who read it may have called it by another one."""
        return (self.real, *(self.top / other for other in self.also))


class Locator:
    """Finds out which files edits are about, and remembers what was expensive to learn.

    Args:
        environment: the variables of whoever asks, for git.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._ignored = IgnoredFiles(environment)
        self._links: dict[tuple[Path, int, int], tuple[int, tuple[str, ...]]] = {}

    def locate(self, path: str, folder: str) -> EditedPath | None:
        """Return the file that an edit is about; None when it is in no working tree, or can be nobody's.

        Git runs when something is asked for the first time or the answer may have changed, so this can take some
        milliseconds.

        Args:
            path: as the edit tool was given it, absolute or below `folder`.
            folder: the absolute path in which the tool works.
        """
        try:
            # ValueError: a NUL in the name. A link that leads to itself leads nowhere.
            real = Path(os.path.realpath(os.path.join(folder, path)))
            top = None if real.is_symlink() else find_top_level(real.parent)
        except (OSError, ValueError):
            return None
        if top is None:
            return None
        if not _counts_case(top):
            real, top = Path(_spelt(real)), Path(_spelt(top))
        relative = real.relative_to(top).as_posix()
        if ".git" in fold(relative).split("/"):
            return None
        also = self._other_names(top, relative, real)
        ignored = not also and (top, relative) in self._ignored
        return EditedPath(top, relative, real, also, ignored)

    def _other_names(self, top: Path, relative: str, real: Path) -> tuple[str, ...]:
        found = _facts(real)
        if found is None or found.st_nlink <= 1 or not stat.S_ISREG(found.st_mode):
            return ()
        key = (top, found.st_dev, found.st_ino)
        changed, names = self._links.get(key, (0, ()))
        names = tuple(name for name in names if _is_same(_facts(top / name), found))
        if changed != found.st_ctime_ns and len(names) < found.st_nlink:
            if len(self._links) >= MOST_FILES:
                self._links.clear()
            names = tuple(self._search(top, relative, found))
        self._links[key] = (found.st_ctime_ns, names)
        return tuple(name for name in names if name != relative)

    def _search(self, top: Path, relative: str, file: os.stat_result) -> Sequence[str]:
        names = [relative]
        compared = 0
        for options in (("--cached",), ("--others", "--exclude-standard")):
            for name in self._listed(top, *options):
                compared += 1
                if len(names) >= file.st_nlink or compared > MOST_COMPARED:
                    return names
                if name != relative and name not in names and _is_same(_facts(top / name), file):
                    names.append(name)
        return names

    def _listed(self, top: Path, *options: str) -> Iterable[str]:
        try:
            git = Git(top, self._environment, reads_content=False)
            listed = git.ask("ls-files", "-z", *options, seconds=LINKS_SECONDS, partly=True)
        except RepositoryUnreadable:
            return ()
        return (os.fsdecode(name) for name in listed.split(b"\0")[:-1])


def own_spelling(name: str, entries: Iterable[str]) -> str:
    """Return how a folder's own entry spells a name, if one differs in nothing but case and composition."""
    listed = list(entries)
    if name in listed:
        return name
    wanted = fold(name)
    return next((entry for entry in listed if fold(entry) == wanted), name)


def _facts(file: Path) -> os.stat_result | None:
    try:
        return os.lstat(file)
    except OSError:
        return None


def _is_same(found: os.stat_result | None, other: os.stat_result) -> bool:
    return found is not None and os.path.samestat(found, other)


def _counts_case(top: Path) -> bool:
    """Whether the disk of a working tree tells upper from lower case: `.git` is there, is `.GIT` the same?"""
    upper, lower = _facts(top / ".GIT"), _facts(top / ".git")
    return upper is None or lower is None or not os.path.samestat(upper, lower)


def _spelt(place: Path) -> str:
    spelt = place.anchor
    for part in place.parts[1:]:
        try:
            spelt = os.path.join(spelt, own_spelling(part, os.listdir(spelt)))
        except OSError:
            spelt = os.path.join(spelt, part)
    return spelt


def _claimable(name: str) -> str:
    while name not in ("", "."):
        try:
            if not normalise(name, literal=True).is_resource:
                return name
        except InvalidInput:
            pass
        name = name.rpartition("/")[0]
    return "."
