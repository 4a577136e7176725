"""Which files a working tree has, however odd its names are, and that nothing of its configuration is run."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from coordination.repository.git import Git, RepositoryUnreadable
from coordination.repository.listing import ODD_NAME, OTHER_REPOSITORY
from coordination.repository.source import blob_id
from tests.integration.repository.tree import Tree, bare, make_tree


def test_tracked_and_new_files_are_listed_and_ignored_and_deleted_ones_are_not(tree: Tree) -> None:
    tree.commit(
        {".gitignore": "*.log\nbuild/\n", "a.py": "a", "gone.py": "x", "moved.py": "y", "sub/b.txt": "b"}
    )
    tree.write({"new.py": "n", "x.log": "l", "build/c.py": "c", "sub/new.txt": "m"})
    (tree.top / "gone.py").unlink()
    (tree.top / "moved.py").rename(tree.top / "to.py")
    assert tree.paths() == [".gitignore", "a.py", "new.py", "sub/b.txt", "sub/new.txt", "to.py"]


def test_unmodified_files_come_with_gits_id_and_others_without(tree: Tree) -> None:
    tree.commit({"same.py": "one", "changed.py": "two"})
    tree.write({"changed.py": "three", "new.py": "four"})
    blobs = {file.path: file.blob for file in tree.listing().files}
    assert blobs == {"changed.py": "", "new.py": "", "same.py": blob_id(b"one")}


def test_before_the_first_commit_there_is_a_list_too(tree: Tree) -> None:
    assert tree.paths() == []
    tree.write({"a.py": "a"})
    tree.git("add", "a.py")
    tree.write({"b.py": "b"})
    assert tree.paths() == ["a.py", "b.py"]


def test_names_that_cannot_be_told_are_left_out_and_counted(tree: Tree) -> None:
    odd = [
        b"bad\xff.py",
        b"line\nbreak.py",
        b"tab\t.py",
        b" space.py",
        b"esc\x1b[31m.py",
        b"resource:port",
        b"**",
    ]
    odd += [b"d/" * 70 + b"deep.py"]
    for name in odd:
        place = os.path.join(os.fsencode(tree.top), name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        Path(os.fsdecode(place)).touch()
    fine = [
        "a b.py",
        "[id]/page.tsx",
        "!x.py",
        "#y.py",
        "-n.py",
        "--all",
        "quote'\".py",
        "stern*.py",
        "ü.py",
        ":x",
    ]
    tree.write(dict.fromkeys(fine, ""))
    assert tree.paths() == sorted(fine)
    assert tree.listing().skipped == {ODD_NAME: len(odd)}
    tree.git("add", "--all")
    assert tree.paths() == sorted(fine)


def test_two_names_that_are_one_for_the_service_are_listed_once(tree: Tree) -> None:
    tree.write({"\u00e9.py": "def composed(): pass", "e\u0301.py": "def parted(): pass"})
    if len(os.listdir(tree.top)) < 3:
        pytest.skip("this disk takes both names for one")
    assert tree.paths() == ["\u00e9.py"]
    assert tree.listing().skipped == {ODD_NAME: 1}


def test_a_file_whose_name_is_composed_otherwise_on_the_disk_is_read(tree: Tree) -> None:
    tree.commit({"e\u0301.py": "def f(): pass"})
    assert tree.files()["\u00e9.py"].symbols == ("f",)


def test_links_are_listed_and_not_followed(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("def secret(): pass", encoding="utf-8")
    (tree.top / "link.py").symlink_to(tmp_path / "secret.py")
    (tree.top / "loop.py").symlink_to("loop.py")
    (tree.top / "folder").symlink_to(tmp_path)
    tree.git("add", "--all")
    (tree.top / "new.py").symlink_to(tmp_path / "secret.py")
    files = tree.files()
    assert sorted(files) == ["folder", "link.py", "loop.py", "new.py"]
    assert [file for file in files.values() if file.symbols] == []


def test_a_folder_that_became_a_link_leads_nowhere(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"sub/a.py": "def mine(): pass"})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.py").write_text("def secret(): pass", encoding="utf-8")
    (tree.top / "sub" / "a.py").unlink()
    (tree.top / "sub").rmdir()
    (tree.top / "sub").symlink_to(tmp_path / "elsewhere")
    assert list(tree.files()) == ["sub"]


def test_other_repositories_inside_are_counted_and_not_entered(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    inner = make_tree(tmp_path / "inner")
    inner.commit({"x.py": "x"})
    tree.commit({"a.py": "a"})
    allowed = ("-c", "protocol.file.allow=always")
    tree.git(*allowed, "submodule", "--quiet", "add", str(inner.top), "module")
    (tree.top / "nested").mkdir()
    subprocess.run(["git", "init", "-q", str(tree.top / "nested")], env=bare(), check=True)
    (tree.top / "nested" / "y.py").touch()
    assert tree.paths() == [".gitmodules", "a.py"]
    assert tree.listing().skipped == {OTHER_REPOSITORY: 2}


def test_what_is_no_file_any_more_is_waited_for_by_nobody(tree: Tree) -> None:
    tree.commit({"pipe.py": "def f(): pass", "folder.py": "def g(): pass", "a.py": "def h(): pass"})
    for name in ("pipe.py", "folder.py"):
        (tree.top / name).unlink()
    os.mkfifo(tree.top / "pipe.py")
    (tree.top / "folder.py").mkdir()
    files = tree.files()
    assert [path for path, file in files.items() if file.symbols] == ["a.py"]


def test_a_merge_that_is_not_resolved_lists_each_file_once(tree: Tree) -> None:
    tree.commit({"a.py": "a = 1\n"})
    tree.git("checkout", "--quiet", "-b", "other")
    tree.commit({"a.py": "b = 1\n"})
    tree.git("checkout", "--quiet", "main")
    tree.commit({"a.py": "c = 1\n"})
    with pytest.raises(subprocess.CalledProcessError):
        tree.git("merge", "other")
    assert tree.files()["a.py"].symbols == ()
    tree.write({"a.py": "def solved(): pass\n"})
    assert tree.files()["a.py"].symbols == ("solved",)


@pytest.mark.parametrize(
    "settings",
    [
        ["core.fsmonitor {}"],
        ["filter.evil.clean {}", "filter.evil.required true"],
        ["filter.evil.process {}"],
        ["filter.a=b.clean {}"],
        ["core.hooksPath {folder}"],
        ["core.pager {}", "pager.log true"],
        ["diff.external {}"],
        ["diff.evil.command {}", "diff.evil.textconv {}"],
        ["gpg.program {}", "log.showSignature true"],
        ["core.sshCommand {}", "remote.origin.url ext::{}", "remote.origin.promisor true"],
        ["alias.ls-files !{}"],
    ],
    ids=lambda settings: settings[0].split(" ")[0],
)
def test_nothing_that_the_repository_configures_is_run(
    tree: Tree, tmp_path: Path, settings: list[str]
) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "hooks" / "post-index-change"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(ran))}\ncat\n", encoding="utf-8")
    program.chmod(0o755)
    attributes = "*.py filter=evil diff=evil\n*.js filter=a=b\n"
    tree.commit(
        {".gitattributes": attributes, "a.py": "def f(): pass", "b.py": "def g(): pass", "c.js": "let c"}
    )
    tree.commit({"a.py": "def f2(): pass", "b.py": "def g2(): pass"})
    for setting in settings:
        name, _, value = setting.partition(" ")
        tree.git("config", name, value.format(program, folder=program.parent))
    # Of the same size and second as when git last looked, so that git has to read it to know.
    tree.write({"a.py": "def f3(): pass", "c.js": "let d"})
    made = tree.index()
    assert {file.path: file.symbols for file in made.index.files}["a.py"] == ("f3",)
    assert len(made.index.co_changes) > 0
    assert not ran.exists()


def test_another_work_tree_in_the_configuration_changes_nothing(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"a.py": "a"})
    tree.git("config", "core.worktree", str(tmp_path))
    assert tree.paths() == ["a.py"]
    tree.git("config", "--unset", "core.worktree")
    tree.git("config", "core.bare", "true")
    assert tree.paths() == ["a.py"]


def test_the_variables_of_a_hook_lead_nowhere_else(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"a.py": "a"})
    (tmp_path / "other").mkdir()
    other = make_tree(tmp_path / "other")
    other.commit({"b.py": "b"})
    led = bare() | {
        "GIT_DIR": str(other.top / ".git"),
        "GIT_WORK_TREE": str(other.top),
        "GIT_INDEX_FILE": "none",
    }
    assert [file.path for file in tree.listing(led).files] == ["a.py"]


@pytest.mark.parametrize("place", [".", "", "bin", "./bin"])
def test_a_program_of_the_repository_is_not_taken_for_git(tree: Tree, tmp_path: Path, place: str) -> None:
    tree.commit({"a.py": "a"})
    ran = tmp_path / "ran"
    for name in ("git", "bin/git"):
        tree.write({name: f"#!/bin/sh\ntouch {shlex.quote(str(ran))}\n"})
        (tree.top / name).chmod(0o755)
    tree.listing(bare() | {"PATH": f"{place}:{os.environ['PATH']}"})
    assert not ran.exists()


def test_a_second_working_tree_is_listed_by_itself(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"a.py": "a"})
    tree.git("worktree", "add", "--quiet", str(tmp_path / "second"), "-b", "second")
    second = Tree((tmp_path / "second").resolve(), tmp_path / "cache")
    second.write({"b.py": "b"})
    assert (tree.paths(), second.paths()) == (["a.py"], ["a.py", "b.py"])


def test_a_folder_that_git_cannot_read_is_told_with_gits_reason(tree: Tree) -> None:
    (tree.top / ".git" / "HEAD").write_text("nonsense", encoding="utf-8")
    with pytest.raises(RepositoryUnreadable, match="not a git repository"):
        tree.listing()


def test_an_index_that_is_damaged_is_told(tree: Tree) -> None:
    tree.commit({"a.py": "a"})
    (tree.top / ".git" / "index").write_bytes(b"DIRC" + b"\xff" * 100)
    with pytest.raises(RepositoryUnreadable, match=r"git .* failed"):
        tree.listing()


def test_without_git_it_is_said(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(RepositoryUnreadable, match="git is not installed"):
        Git(tree.top, {"PATH": str(tmp_path)})


def test_an_answer_that_is_too_long_is_refused_or_cut(tree: Tree) -> None:
    tree.write(dict.fromkeys((f"{number}.py" for number in range(99)), ""))
    git = Git(tree.top, bare())
    with pytest.raises(RepositoryUnreadable, match="takes more than"):
        git.ask("ls-files", "-z", "--others", most=10)
    assert git.ask("ls-files", "-z", "--others", most=10, partly=True) == b"0.py\x001.py\0"


def test_an_answer_that_takes_too_long_is_given_up(tree: Tree, tmp_path: Path) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text('#!/bin/sh\ncase "$*" in *slow*) exec sleep 60;; esac\n', encoding="utf-8")
    slow.chmod(0o755)
    git = Git(tree.top, {"PATH": f"{slow.parent}:{os.environ['PATH']}"})
    with pytest.raises(RepositoryUnreadable, match=r"takes more than 0\.1 seconds"):
        git.ask("slow", seconds=0.1)
