"""Which file an edit is about, with real git and a real disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coordination.domain.path import normalise
from coordination.repository.edited_path import EditedPath, Locator, own_spelling
from tests.integration.repository.tree import Tree, bare, make_tree


def locate(path: Path | str, folder: Path | str = "/") -> EditedPath | None:
    return Locator(bare()).locate(str(path), str(folder))


def named(path: Path | str, folder: Path | str = "/") -> tuple[Path, str] | None:
    found = locate(path, folder)
    return None if found is None else (found.top, found.relative)


def test_a_file_is_named_below_its_top_level(tree: Tree) -> None:
    tree.write({"src/a.py": ""})
    found = locate(tree.top / "src" / "a.py")
    assert found == EditedPath(tree.top, "src/a.py", tree.top / "src" / "a.py")
    assert found is not None
    assert found.claims == ("src/a.py",)


def test_a_relative_path_begins_in_the_folder(tree: Tree) -> None:
    tree.write({"src/a.py": ""})
    assert named("../b.py", tree.top / "src") == (tree.top, "b.py")


@pytest.mark.parametrize("name", ["new.py", "new/folders/that/are/not/there.py", "src/new.py"])
def test_a_file_need_not_exist(tree: Tree, name: str) -> None:
    tree.write({"src/a.py": ""})
    assert named(tree.top / name) == (tree.top, name)


def test_links_are_followed_wherever_they_stand(tree: Tree, tmp_path: Path) -> None:
    tree.write({"src/deep/a.py": ""})
    (tree.top / "folder").symlink_to("src/deep")
    (tree.top / "file.py").symlink_to("src/deep/a.py")
    (tree.top / "dangling.py").symlink_to("src/none/b.py")
    (tmp_path / "outside").symlink_to(tree.top / "src")
    for path in ("folder/a.py", "file.py", "../outside/deep/a.py", "folder/../deep/a.py"):
        assert named(tree.top / path) == (tree.top, "src/deep/a.py"), path
    assert named(tree.top / "folder" / "new" / "c.py") == (tree.top, "src/deep/new/c.py")
    assert named(tree.top / "dangling.py") == (tree.top, "src/none/b.py")


def test_a_link_out_of_the_repository_leads_out(tree: Tree, tmp_path: Path) -> None:
    (tree.top / "out.py").symlink_to(tmp_path / "elsewhere.py")
    (tree.top / "loop.py").symlink_to("loop.py")
    assert locate(tree.top / "out.py") is None
    assert locate(tree.top / "loop.py") is None


def test_nothing_outside_of_a_repository_and_nothing_of_git_itself_is_found(
    tree: Tree, tmp_path: Path
) -> None:
    assert locate(tmp_path / "a.py") is None
    assert locate("a\0b", tree.top) is None
    for inside in (".git", ".git/config", ".git/hooks/new", ".GIT/config", "sub/.git/config"):
        assert locate(tree.top / inside) is None, inside
    assert named(tree.top / ".github" / "ci.yml") == (tree.top, ".github/ci.yml")


def test_a_worktree_and_a_repository_inside_have_their_own_top(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"a.py": ""})
    tree.git("worktree", "add", "--quiet", str(tmp_path / "worktree"))
    tree.git("worktree", "add", "--quiet", "inside/second")
    inner = make_tree(tree.top / "inside")
    assert named(tmp_path / "worktree" / "a.py") == (tmp_path.resolve() / "worktree", "a.py")
    assert named(tree.top / "inside" / "second" / "a.py") == (tree.top / "inside" / "second", "a.py")
    assert named(inner.top / "src" / "b.py") == (inner.top, "src/b.py")
    assert locate(tmp_path / "worktree" / ".git") is None


def test_what_git_ignores_is_marked_and_what_it_tracks_is_not(tree: Tree) -> None:
    tree.write({".gitignore": "*.log\nbuild/\n!kept.log\n", "src/.gitignore": "local\n"})
    tree.write({"tracked.log": "", "build/tracked": ""})
    tree.git("add", "--force", "tracked.log", "build/tracked")
    expected = {
        "a.py": False,
        "a.log": True,
        "kept.log": False,
        "tracked.log": False,
        "build/new": True,
        "build/tracked": False,
        "src/local": True,
        "local": False,
        "-q": False,
        ":(glob)*": False,
        ":!a.log": True,
        "*.log": True,
        "*": False,
    }
    locator = Locator(bare())
    for _ in ("asked", "remembered"):
        found = {name: locator.locate(name, str(tree.top)) for name in expected}
        assert {name: file is not None and file.ignored for name, file in found.items()} == expected


def test_a_change_of_what_is_ignored_is_seen_at_once(tree: Tree) -> None:
    locator = Locator(bare())

    def ignored() -> bool:
        found = locator.locate("src/a.log", str(tree.top))
        assert found is not None
        return found.ignored

    assert not ignored()
    tree.write({"src/.gitignore": "*.log\n"})
    assert ignored()
    tree.write({"src/a.log": ""})
    tree.git("add", "--force", "src/a.log")
    assert not ignored()
    tree.git("rm", "--quiet", "--cached", "src/a.log")
    assert ignored()
    (tree.top / "src" / ".gitignore").unlink()
    assert not ignored()
    (tree.top / ".git" / "info" / "exclude").write_text("src/\n", "utf-8")
    assert ignored()


def test_git_runs_only_when_something_may_have_changed(tree: Tree, tmp_path: Path) -> None:
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(f'#!/bin/sh\necho ran >>"{tmp_path}/log"\nPATH="${{PATH#*:}}" exec git "$@"\n', "utf-8")
    git.chmod(0o700)
    locator = Locator(bare() | {"PATH": f"{git.parent}:{os.environ['PATH']}"})
    for _ in range(3):
        assert locator.locate("a.py", str(tree.top)) is not None
        tree.commit({"b.py": os.urandom(4)})
    assert (tmp_path / "log").read_text("utf-8") == "ran\n"


def test_where_git_cannot_say_a_file_is_not_ignored(tree: Tree, tmp_path: Path) -> None:
    tree.write({".gitignore": "*\n"})
    found = Locator(bare() | {"PATH": str(tmp_path)}).locate("a.py", str(tree.top))
    assert found is not None
    assert not found.ignored


def test_a_pipe_as_a_file_of_patterns_is_not_waited_for(tree: Tree) -> None:
    os.mkfifo(tree.top / "pipe")
    tree.git("config", "core.excludesFile", str(tree.top / "pipe"))
    found = locate("a.py", tree.top)
    assert found is not None
    assert not found.ignored


def test_all_names_of_a_file_are_found(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"a.py": "", "src/b.py": ""})
    os.link(tree.top / "a.py", tree.top / "src" / "c.py")
    os.link(tree.top / "a.py", tmp_path / "elsewhere")
    tree.git("add", "src/c.py")
    locator = Locator(bare())

    def also(name: str) -> tuple[str, ...]:
        found = locator.locate(name, str(tree.top))
        assert found is not None
        assert not found.ignored
        return found.also

    assert (also("a.py"), also("src/c.py"), also("src/b.py")) == (("src/c.py",), ("a.py",), ())
    os.link(tree.top / "a.py", tree.top / "new.py")
    assert also("a.py") == ("src/c.py", "new.py")
    (tree.top / "src" / "c.py").unlink()
    assert also("a.py") == ("new.py",)
    tree.write({"a.py": "changed in place"})
    assert also("new.py") == ("a.py",)


def test_an_ignored_name_of_a_file_that_has_another_one_is_protected(tree: Tree) -> None:
    tree.commit({"a.py": "", ".gitignore": "*.log\n"})
    os.link(tree.top / "a.py", tree.top / "a.log")
    found = locate("a.log", tree.top)
    assert found is not None
    assert (found.ignored, found.claims) == (False, ("a.log", "a.py"))


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("src/a\nb.py", "src"),
        ("src/" + "/".join(["d" * 200] * 6) + "/a.py", "src/" + "/".join(["d" * 200] * 5)),
        ("a\tb", "."),
        ("src/ a ", "src/ a "[:3]),
        ("resource:port/5432", "."),
        ("src/bad-\udcff", "src"),
        ("src/a*b?.py", "src/a*b?.py"),
        ("/".join("d" * 70), "/".join("d" * 64)),
    ],
)
def test_for_a_name_that_the_service_refuses_the_folder_above_is_claimed(
    tree: Tree, name: str, claim: str
) -> None:
    found = locate(tree.top / name)
    assert found is not None
    assert (found.relative, found.claims) == (name, (claim,))
    assert not normalise(claim, literal=True).is_resource


def test_where_case_does_not_count_what_exists_gives_the_spelling(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"Src/ReadMe.md": ""})
    worktree = tmp_path / "Worktree"
    tree.git("worktree", "add", "--quiet", str(worktree))
    # A disk that takes `.GIT` for `.git`, as far as anybody can see.
    os.link(worktree / ".git", worktree / ".GIT")
    assert named(worktree / "src" / "README.md") == (worktree.resolve(), "Src/ReadMe.md")
    assert named(worktree / "SRC" / "New.md") == (worktree.resolve(), "Src/New.md")
    assert named(tree.top / "src" / "README.md") == (tree.top, "src/README.md")


def test_the_spelling_of_an_entry_that_is_there_wins() -> None:
    assert own_spelling("A.py", ["a.py", "A.py"]) == "A.py"
    assert own_spelling("caf\u00e9", ["x", "CAFE\u0301"]) == "CAFE\u0301"
    assert own_spelling("b.py", ["a.py"]) == "b.py"
