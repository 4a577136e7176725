"""Which session a repository is: the same for all of its checkouts and all ways to write its origin."""

import os
import re
import socket
from pathlib import Path

import pytest

from coordination.repository.git_folder import git_folder
from coordination.repository.identity import session_of
from tests.integration.repository.tree import Tree, make_tree

ONE = [
    "https://git.example.org/team/app.git",
    "https://git.example.org/team/app",
    "https://git.example.org/team/app/",
    "https://git.example.org/team/app.git/",
    "https://GIT.Example.org/team/app",
    "https://git.example.org:8443/team/app.git",
    "https://ann:secret@git.example.org/team/app.git",
    "https://ann@git.example.org//team//app.git",
    "ssh://git@git.example.org/team/app.git",
    "ssh://git@git.example.org:2222/team/app.git",
    "git+ssh://git.example.org/team/app",
    "git@git.example.org:team/app.git",
    "git.example.org:team/app",
    "git@git.example.org:/team/app.git",
    "[git.example.org:2222]:team/app.git",
    "git@[git.example.org:2222]:team/app.git",
    "git://git.example.org/team/app",
    "HTTPS://git.example.org/team/%61pp",
]
OTHERS = [
    "https://git.example.org/team/app2",
    "https://git.example.org/team2/app",
    "https://git.example.org/app",
    "https://git.example.com/team/app",
    "https://git.example.org/team/App",
    "https://git.example.org/team/app.git.git",
    "/git.example.org/team/app",
    "./git.example.org:team/app",
    "ssh://git@[::1]/team/app",
    "ssh://git@[::2]/team/app",
]


def session_with(tree: Tree, url: str) -> str:
    (tree.top / git_folder(tree.top).common / "config").write_text(
        f'[remote "origin"]\n\turl = "{url}"\n', "utf-8"
    )
    return session_of(tree.top)


def test_all_ways_to_write_one_origin_are_one_session(tree: Tree) -> None:
    sessions = {session_with(tree, url) for url in ONE}
    assert len(sessions) == 1
    assert re.fullmatch("repo-[0-9a-f]{8}", sessions.pop())


def test_different_repositories_are_different_sessions(tree: Tree) -> None:
    sessions = [session_with(tree, url) for url in [ONE[0], *OTHERS]]
    assert len(set(sessions)) == len(sessions)


def test_a_host_that_has_two_names_is_one(tree: Tree) -> None:
    by_https_port = session_with(tree, "ssh://git@ssh.github.com:443/team/app.git")
    assert by_https_port == session_with(tree, "git@github.com:team/app.git")


def test_a_worktree_and_a_clone_of_one_origin_are_in_the_session(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"a": "a"})
    tree.git("worktree", "add", "--quiet", str(tmp_path / "worktree"))
    (tmp_path / "elsewhere").mkdir()
    other = make_tree(tmp_path / "elsewhere")
    for url in ("git@git.example.org:team/app.git", "https://git.example.org/team/app"):
        assert session_with(tree, url) == session_of(tmp_path / "worktree") == session_with(other, ONE[0])


def test_without_an_origin_the_main_working_tree_counts(tree: Tree, tmp_path: Path) -> None:
    tree.commit({"a": "a"})
    tree.git("worktree", "add", "--quiet", str(tmp_path / "worktree"))
    (tmp_path / "elsewhere").mkdir()
    assert session_of(tree.top) == session_of(tmp_path / "worktree")
    assert session_of(tree.top) != session_of(make_tree(tmp_path / "elsewhere").top)


def test_one_path_on_two_machines_is_two_sessions(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    here, with_origin = session_of(tree.top), session_with(tree, ONE[0])
    by_path = session_with(tree, "../tree")
    monkeypatch.setattr(socket, "gethostname", lambda: "another.example.org")
    assert session_with(tree, "../tree") != by_path == here
    assert session_with(tree, ONE[0]) == with_origin


@pytest.mark.parametrize("form", ["{}", "{}/", "{}/.git", "file://{}", "file://localhost{}", "../tree"])
def test_what_was_cloned_on_this_machine_joins_its_source(tree: Tree, tmp_path: Path, form: str) -> None:
    tree.commit({"a": "a"})
    clone = Tree(tmp_path / "clone", tmp_path / "cache")
    tree.git("clone", "--quiet", str(tree.top), str(clone.top))
    assert session_with(clone, form.format(tree.top)) == session_of(tree.top)


def test_a_submodule_has_a_session_of_its_own(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    inner = make_tree(tmp_path / "elsewhere")
    inner.commit({"a": "a"})
    tree.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.top), "lib")
    assert session_of(tree.top / "lib") == session_of(inner.top) != session_of(tree.top)
    assert git_folder(tree.top / "lib").own.resolve() == tree.top / ".git" / "modules" / "lib"


@pytest.mark.parametrize(
    "configuration",
    [
        '[remote "origin"]\n\turl = git@a.org:x/y.git # ours\n',
        '[remote "origin"] url = git@a.org:x/y\n',
        '[REMOTE "origin"]\r\n\tURL = "git@a.org:x/y.git"   \r\n',
        '[remote "origin"]\n\turl = git@a.\\\norg:x/y\n',
        '[remote "Origin"]\n\turl = b\n[remote "origin"]\n\turl = git@a.org:x/y\n\turl = git@a.org:second\n',
        '[remote "origin"]\n\turl = c\n\turl =\n\turl = git@a.org:x/y\n',
        '[remote "or\\igin"]\n\turl = "git@a.org":x/y;z\n[core]\n\turl = no\n',
        "[remote.origin]\n\turl = git@a.org:x/y\n[branch]\n\turl = b\n",
        '\ufeff[remote "origin"]\n\t# url = b\n\tpushurl = b\n\turl = git@a.org:x/y\n',
    ],
)
def test_the_configuration_is_read_as_git_reads_it(tree: Tree, configuration: str) -> None:
    expected = session_with(tree, "git@a.org:x/y")
    (tree.top / ".git" / "config").write_bytes(configuration.encode())
    said = tree.git("config", "--file", ".git/config", "--get-all", "remote.origin.url").split("\n")
    assert any(url.startswith("git@a.org:x/y") for url in said)
    assert session_of(tree.top) == expected


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe[", b'[remote "origin"]\n\turl\n', b"[remote", b"\0" * 99]
)
def test_a_configuration_that_says_nothing_leaves_the_path(tree: Tree, content: bytes) -> None:
    expected = session_of(tree.top)
    (tree.top / ".git" / "config").write_bytes(content)
    assert session_of(tree.top) == expected


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tree: Tree) -> None:
    expected = session_of(tree.top)
    (tree.top / ".git" / "config").unlink()
    os.mkfifo(tree.top / ".git" / "config")
    os.mkfifo(tree.top / ".git" / "commondir")
    assert session_of(tree.top) == expected


def test_a_configuration_behind_a_link_is_read(tree: Tree, tmp_path: Path) -> None:
    expected = session_with(tree, ONE[0])
    (tree.top / ".git" / "config").rename(tmp_path / "shared")
    (tree.top / ".git" / "config").symlink_to(tmp_path / "shared")
    assert session_of(tree.top) == expected
