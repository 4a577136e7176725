"""What changes together, by a history that is made here."""

from __future__ import annotations

import subprocess

import pytest

from coordination.domain.file_index import MAX_PARTNERS
from coordination.repository.history import COMMITS, MAX_COMMIT_FILES
from tests.integration.repository.tree import Tree, bare


def change(tree: Tree, *paths: str) -> None:
    """Commit another content of each of these files."""
    number = tree.git("rev-list", "--count", "--all")
    tree.commit({path: f"{path} {number}" for path in paths})


def test_files_that_change_together_are_partners_by_their_share_and_half_when_it_was_once(tree: Tree) -> None:
    change(tree, "a.py", "b.py")
    change(tree, "a.py", "b.py")
    change(tree, "a.py")
    change(tree, "a.py", "c.py")
    assert tree.weights() == {
        ("a.py", "b.py"): 0.5,
        ("b.py", "a.py"): 1.0,
        ("a.py", "c.py"): 0.125,
        ("c.py", "a.py"): 0.5,
    }


def test_a_commit_says_less_the_more_files_it_has_and_nothing_when_it_has_very_many(tree: Tree) -> None:
    change(tree, *(f"{number}.py" for number in range(5)))
    assert set(tree.weights().values()) == {0.125}
    change(tree, *(f"many/{number}.py" for number in range(MAX_COMMIT_FILES + 1)))
    assert {path for path, _ in tree.weights()} == {f"{number}.py" for number in range(5)}


def test_a_file_that_is_gone_still_counts_as_one_of_its_commit(tree: Tree) -> None:
    change(tree, "a.py", "b.py", "gone.py")
    (tree.top / "gone.py").unlink()
    change(tree, "other.py")
    assert tree.weights()["a.py", "b.py"] == 0.25
    assert not any("gone.py" in pair for pair in tree.weights())


def test_a_file_that_was_moved_keeps_its_history_under_its_new_name(tree: Tree) -> None:
    change(tree, "old.py", "b.py")
    tree.git("mv", "old.py", "new.py")
    tree.git("commit", "--quiet", "--message", "move")
    assert tree.weights() == {("new.py", "b.py"): 0.25, ("b.py", "new.py"): 0.5}
    change(tree, "old.py", "c.py")
    assert tree.weights()["old.py", "c.py"] == 0.5
    assert ("old.py", "b.py") not in tree.weights()


def test_a_merge_counts_for_nothing(tree: Tree) -> None:
    change(tree, "base.py")
    tree.git("checkout", "--quiet", "-b", "side")
    change(tree, "a.py", "b.py")
    tree.git("checkout", "--quiet", "main")
    change(tree, "c.py", "d.py")
    tree.git("merge", "--quiet", "--no-ff", "--message", "merge", "side")
    assert set(tree.weights()) == {("a.py", "b.py"), ("b.py", "a.py"), ("c.py", "d.py"), ("d.py", "c.py")}


def test_only_the_closest_partners_are_kept(tree: Tree) -> None:
    for number in range(MAX_PARTNERS + 5):
        change(tree, "centre.py", f"{number:02}.py")
    change(tree, "centre.py", "24.py")
    found = [found.other for found in tree.index().index.co_changes if found.path == "centre.py"]
    assert found == ["24.py", *(f"{number:02}.py" for number in range(MAX_PARTNERS - 1))]


def test_only_recent_history_counts(tree: Tree) -> None:
    stream = ["commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 0\n"]
    stream += ["M 644 inline a.py\ndata 1\na\nM 644 inline b.py\ndata 1\nb\n"]
    for number in range(COMMITS):
        text = f"{number:05}"
        stream += [f"commit refs/heads/main\ncommitter A <a@b> {number + 2} +0000\ndata 0\n"]
        stream += [f"M 644 inline c.py\ndata {len(text)}\n{text}\n"]
    command = ["git", "fast-import", "--quiet"]
    subprocess.run(command, cwd=tree.top, env=bare(), input="".join(stream), text=True, check=True)
    tree.git("reset", "--quiet", "--hard")
    assert tree.paths() == ["a.py", "b.py", "c.py"]
    assert tree.weights() == {}


def test_names_that_look_like_records_are_names(tree: Tree) -> None:
    odd = ":100644 100644 aaaaaaa bbbbbbb M"
    change(tree, odd, "b.py")
    assert tree.weights() == {(odd, "b.py"): 0.5, ("b.py", odd): 0.5}


@pytest.mark.parametrize("commits", [0, 1])
def test_without_a_history_nothing_is_known_of_it(tree: Tree, commits: int) -> None:
    for _ in range(commits):
        change(tree, "a.py")
    made = tree.index()
    assert (made.index.co_changes, made.has_history, len(made.commit)) == ((), True, 40 * commits)


def test_a_clone_that_lacks_parts_of_its_history_is_indexed_without(tree: Tree) -> None:
    change(tree, "a.py", "b.py")
    change(tree, "a.py", "b.py")
    before = tree.git("rev-parse", "HEAD^^{tree}")
    blob = tree.top / ".git" / "objects" / before[:2] / before[2:]
    blob.unlink()
    made = tree.index()
    assert (made.has_history, [file.path for file in made.index.files]) == (False, ["a.py", "b.py"])
