"""Which files hold work that no commit has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from coordination.repository.dirty import dirty
from tests.integration.repository.tree import Tree, bare, make_tree

NAMES = [
    "clean",
    "modified",
    "staged",
    "deleted",
    "dropped",
    "new",
    "added",
    "a b",
    "*",
    "sub/deep/new",
    "ignored",
]


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    tree = make_tree(tmp_path_factory.mktemp("worked"))
    tree.commit(
        dict.fromkeys(["clean", "modified", "staged", "deleted", "dropped", "a b", "folder/x"], "a")
        | {".gitignore": "ignored\n"}
    )
    tree.write(
        dict.fromkeys(["modified", "staged", "a b", "new", "added", "*", "sub/deep/new", "ignored"], "b")
    )
    tree.git("add", "staged", "added")
    (tree.top / "deleted").unlink()
    tree.git("rm", "--quiet", "dropped")
    return tree


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_dirty_when_no_commit_has_it_as_it_is(worked: Tree, name: str) -> None:
    expected = {name} - {"clean", "ignored"}
    assert dirty(worked.top, [name], bare()) == expected


def test_many_files_are_asked_for_at_once(worked: Tree) -> None:
    many = [f"none-{number}" for number in range(450)]
    assert dirty(worked.top, [*NAMES, *many], bare()) == set(NAMES) - {"clean", "ignored"}


@pytest.mark.parametrize(
    ("folder", "is_dirty"), [("sub", True), ("sub/deep", True), ("folder", False), (".", True)]
)
def test_a_folder_is_dirty_when_something_in_it_is(worked: Tree, folder: str, *, is_dirty: bool) -> None:
    assert dirty(worked.top, [folder], bare()) == ({folder} if is_dirty else set())


def test_a_name_that_looks_like_a_pattern_is_a_name(worked: Tree) -> None:
    assert dirty(worked.top, ["modifie?", "[m]odified", ":(glob)*"], bare()) == set()


def test_a_file_in_conflict_is_dirty(tree: Tree) -> None:
    tree.commit({"a": "1"})
    tree.git("checkout", "--quiet", "-b", "other")
    tree.commit({"a": "2"})
    tree.git("checkout", "--quiet", "main")
    tree.commit({"a": "3"})
    with pytest.raises(Exception, match="merge"):
        tree.git("merge", "--quiet", "other")
    assert dirty(tree.top, ["a"], bare()) == {"a"}


def test_what_git_cannot_say_counts_as_dirty(worked: Tree, tmp_path: Path) -> None:
    assert dirty(tmp_path, ["clean"], bare()) == {"clean"}
    assert dirty(tmp_path / "gone", ["clean"], bare()) == {"clean"}
    assert dirty(worked.top, ["clean", "a\0b"], bare()) == {"clean", "a\0b"}
    assert dirty(worked.top, ["clean"], bare() | {"PATH": str(tmp_path)}) == {"clean"}


def test_git_that_takes_too_long_counts_as_dirty(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"clean": "a"})
    real = shutil.which("git")
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    # It answers everything but the question itself, which it never does: it waits on a pipe that nobody writes to.
    os.mkfifo(tmp_path / "never")
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *status*) exec cat "{tmp_path}/never";; esac\nexec {real} "$@"\n', "utf-8"
    )
    slow.chmod(0o700)
    environment = bare() | {"PATH": f"{slow.parent}:{os.environ['PATH']}"}
    assert dirty(tree.top, ["clean"], bare()) == set()
    assert dirty(tree.top, ["clean"], environment, seconds=0.05) == {"clean"}


def test_no_program_of_the_repository_runs(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"a": "1", ".gitattributes": "* filter=evil\n"})
    ran = tmp_path / "ran"
    tree.git("config", "filter.evil.clean", f"touch {ran}; cat")
    tree.git("config", "core.fsmonitor", f"touch {ran}")
    tree.write({"a": "2"})
    assert dirty(tree.top, ["a"], bare()) == {"a"}
    assert not ran.exists()


def test_asking_leaves_the_index_as_it_is(tree: Tree) -> None:
    tree.commit({"a": "1"})
    os.utime(tree.top / "a", (1, 1))
    before = (tree.top / ".git" / "index").stat()
    assert dirty(tree.top, ["a"], bare()) == set()
    after = (tree.top / ".git" / "index").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
