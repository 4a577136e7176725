"""Under which folder Claude Code keeps the entries of a terminal; measured in both pinned versions.

The folders are laid out as git does it, without git: tests/acceptance/test_connect.py has a real worktree.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from coordination.cli.claude_code import entry, project

OURS = {"type": "http", "url": "http://127.0.0.1:8000/mcp/v2/claude/alice__session__demo__planner"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "repository"
    (folder / ".git").mkdir(parents=True)
    (folder / "src" / "deep").mkdir(parents=True)
    return folder


def add_worktree(git: Path, tree: Path) -> Path:
    """What `git worktree add` leaves in the folder of git and in that of the working tree."""
    own = git / "worktrees" / tree.name
    own.mkdir(parents=True)
    (own / "commondir").write_text("../..\n")
    (own / "gitdir").write_text(f"{tree}/.git\n")
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    return tree


def test_of_a_folder_in_a_repository_it_is_the_top_level(repository: Path) -> None:
    assert project(repository / "src" / "deep") == project(repository) == repository


def test_of_a_worktree_it_is_the_main_repository(repository: Path) -> None:
    tree = add_worktree(repository / ".git", repository.with_name("tree"))
    (tree / "src").mkdir()
    assert project(tree) == project(tree / "src") == repository


def test_of_a_worktree_whose_link_is_relative_it_is_the_main_repository(repository: Path) -> None:
    tree = add_worktree(repository / ".git", repository.with_name("tree"))
    (tree / ".git").write_text("gitdir: ../repository/.git/worktrees/tree\n")
    assert project(tree) == repository


def test_of_a_worktree_of_a_bare_repository_it_is_that_repository(tmp_path: Path) -> None:
    bare = tmp_path.resolve() / "project.git"
    assert project(add_worktree(bare, bare.with_name("tree"))) == bare


def test_of_a_worktree_that_was_moved_without_git_it_is_its_own_folder(repository: Path) -> None:
    tree = add_worktree(repository / ".git", repository.with_name("tree"))
    moved = tree.rename(tree.with_name("moved"))
    assert project(moved) == moved


@pytest.mark.parametrize("link", ["gitdir: {}/.git/modules/part\n", "gitdir: {}/nowhere\n", "", "nonsense\n"])
def test_of_a_submodule_and_of_a_worktree_that_git_forgot_it_is_its_own_folder(
    repository: Path, link: str
) -> None:
    part = repository / "part"
    part.mkdir()
    (part / ".git").write_text(link.format(repository))
    (repository / ".git" / "modules" / "part").mkdir(parents=True)
    assert project(part) == part


@pytest.mark.parametrize("odd", ["a pipe", "an endless device", "a link to itself", "a NUL"])
def test_of_a_folder_whose_git_is_odd_it_is_that_folder_and_nothing_is_waited_for(
    tmp_path: Path, odd: str
) -> None:
    folder = tmp_path.resolve()
    tree = add_worktree(folder / "own", folder / "tree")
    link = (
        tree / ".git" if odd in {"a pipe", "an endless device"} else folder / "own/worktrees/tree/commondir"
    )
    link.unlink()
    if odd == "a pipe":
        os.mkfifo(link)
    elif odd == "an endless device":
        link.symlink_to("/dev/zero")
    else:
        (folder / "loop").symlink_to("loop")
        link.write_text(f"{folder}/loop/x\n" if odd == "a link to itself" else "\0\n")
    assert project(tree) == tree


def test_outside_of_git_it_is_the_folder_itself_and_none_above_it(tmp_path: Path) -> None:
    folder = tmp_path / "plain" / "deep"
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    assert project(folder) == project(tmp_path / "link") == folder.resolve()


def test_an_entry_of_a_folder_above_is_not_taken_for_ones_own(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nested = repository / "nested"
    (nested / ".git").mkdir(parents=True)
    config = {"projects": {str(repository): {"mcpServers": {"coordination": OURS}}}}
    (tmp_path / ".claude.json").write_text(json.dumps(config))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    assert entry("coordination", repository / "src") == OURS
    assert entry("coordination", nested) is None
    assert entry("coordination", tmp_path) is None
