"""A working tree with a real git behind it, as tests fill it, and its index."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coordination.domain.file_index import IndexedFile
from coordination.repository.file_index import MadeIndex, make_index
from coordination.repository.git import Git
from coordination.repository.listing import Listing, list_files

WHO = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org", "-c", "commit.gpgsign=false")


@dataclass
class Tree:
    """A git repository at `top`, with a cache folder beside it."""

    top: Path
    cache: Path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *WHO, *arguments], cwd=self.top, env=bare(), capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            place = self.top / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, files: Mapping[str, str | bytes]) -> None:
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")

    def listing(self, environment: Mapping[str, str] | None = None) -> Listing:
        return list_files(Git(self.top, environment or bare()))

    def paths(self) -> list[str]:
        return [file.path for file in self.listing().files]

    def index(self) -> MadeIndex:
        return make_index(self.top, self.cache, bare())

    def files(self) -> dict[str, IndexedFile]:
        return {file.path: file for file in self.index().index.files}

    def weights(self) -> dict[tuple[str, str], float]:
        return {(found.path, found.other): found.weight for found in self.index().index.co_changes}


def bare() -> dict[str, str]:
    """The environment without what this machine's git is told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


def make_tree(folder: Path) -> Tree:
    """Make an empty repository below a folder."""
    tree = Tree((folder / "tree").resolve(), folder / "cache")
    tree.top.mkdir()
    tree.git("init", "--quiet", "--initial-branch=main")
    return tree
