"""Where git keeps what belongs to a working tree: found by reading two small files, without running git.

A working tree has a folder of its own (`.git`, or where the file `.git` of a worktree or submodule points to) and a
common one, which all worktrees of a repository share and which holds its configuration. Nothing is judged here: what
cannot be read counts as not being there.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coordination.repository.source import read_bounded

_POINTER: Final = b"gitdir:"
_MOST_POINTER: Final = 4096


@dataclass(frozen=True, slots=True)
class GitFolder:
    """What git keeps of one working tree.

    Attributes:
        own: of this working tree alone: its index, its HEAD.
        common: of all worktrees of the repository: its configuration, its excludes.
    """

    own: Path
    common: Path

    @property
    def repository(self) -> Path:
        """The real path of the main working tree; of a repository without one, of the common folder itself."""
        real = self.common.resolve()
        return real.parent if real.name == ".git" else real


def git_folder(top: Path) -> GitFolder:
    """Return where git keeps what belongs to a working tree.

    Args:
        top: the real path of its top level.
    """
    own = top / ".git"
    pointer = read_bounded(own, _MOST_POINTER)
    if pointer is not None and pointer.startswith(_POINTER):
        own = top / os.fsdecode(pointer[len(_POINTER) :].strip())
    common = read_bounded(own / "commondir", _MOST_POINTER)
    return GitFolder(own, own / os.fsdecode(common.strip()) if common else own)
