"""Whether git ignores a file: asked of git, and remembered until something changes that its answer may depend on.

An untracked file that a pattern matches is ignored, a tracked one never is. Most files match no pattern, and that
depends on the files of patterns alone, not on the index, which every commit writes anew: so patterns are asked for
first, and the index only for what matches one. When git cannot say, the file is not ignored: it is then protected.
"""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coordination.repository.git import Git, RepositoryUnreadable
from coordination.repository.git_folder import git_folder

SECONDS: Final = 1.0
REMEMBERED_SECONDS: Final = 60.0
"""For what is not looked at: a file of patterns that `core.excludesFile` names, and what configurations include."""
MOST_REMEMBERED: Final = 10_000
_Facts = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    ignored: bool
    patterns: _Facts
    index: _Facts
    at: float

    def holds(self, patterns: _Facts, index: _Facts, now: float) -> bool:
        """Whether nothing has changed that the answer depends on."""
        same = self.patterns == patterns and self.index in ((), index)
        return same and now - self.at < REMEMBERED_SECONDS


class IgnoredFiles:
    """Knows which files git ignores.

    Args:
        environment: the variables of whoever asks, for git.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._remembered: dict[tuple[Path, str], _Answer] = {}

    def __contains__(self, file: tuple[Path, str]) -> bool:
        """Return whether a file is ignored; the file is its working tree's top level and its path below that."""
        top, relative = file
        folder = git_folder(top)
        patterns = tuple(_facts(place) for place in self._patterns(top, relative, folder.common))
        index = (_facts(folder.own / "index"),)
        known = self._remembered.get(file)
        now = time.monotonic()
        if known is not None and known.holds(patterns, index, now):
            return known.ignored
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        ignored, by_index = self._ask(top, relative)
        self._remembered[file] = _Answer(ignored, patterns, index if by_index else (), now)
        return ignored

    def _ask(self, top: Path, relative: str) -> tuple[bool, bool]:
        """Return whether a file is ignored, and whether the index was needed to say so."""
        try:
            git = Git(top, self._environment, reads_content=False)
            # This command alone knows no literal names; after `./` every character is one nevertheless.
            command = ("--no-literal-pathspecs", "check-ignore", "--no-index", "--", f"./{relative}")
            matched = git.ask(*command, seconds=SECONDS, fine=(0, 1))
            if not matched:
                return False, False
            return not git.ask("ls-files", "-z", "--", relative, seconds=SECONDS), True
        except RepositoryUnreadable:
            return False, False

    def _patterns(self, top: Path, relative: str, common: Path) -> Iterator[Path]:
        """Yield the files that say which names are ignored, or where that is said."""
        yield common / "info" / "exclude"
        yield common / "config"
        home = self._environment.get("HOME", "")
        configuration = Path(self._environment.get("XDG_CONFIG_HOME") or f"{home}/.config") / "git"
        yield from (Path(home, ".gitconfig"), configuration / "config", configuration / "ignore")
        place = top
        yield place / ".gitignore"
        for part in relative.split("/")[:-1]:
            place /= part
            yield place / ".gitignore"


def _facts(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
