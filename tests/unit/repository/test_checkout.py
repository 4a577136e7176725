"""Which checkout a folder belongs to, and what the service is told of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from coordination.domain.checkout import parse_checkout, parse_terminal
from coordination.repository.checkout import describe_checkout, find_top_level
from coordination.repository.terminal import describe_terminal


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    top = tmp_path / "project"
    subprocess.run(["git", "init", "--quiet", top], check=True)
    (top / "src" / "deep").mkdir(parents=True)
    return top


def test_the_top_level_is_found_from_below(checkout: Path) -> None:
    assert find_top_level(checkout / "src" / "deep") == checkout.resolve()
    assert find_top_level(checkout) == checkout.resolve()


@pytest.mark.parametrize("is_file", [False, True], ids=["folder", "file"])
def test_inside_a_repository_in_a_repository_the_inner_one_counts(checkout: Path, *, is_file: bool) -> None:
    inner = checkout / "vendored"
    (inner / "src").mkdir(parents=True)
    if is_file:
        (inner / ".git").write_text("gitdir: ../.git/modules/vendored\n", encoding="utf-8")
    else:
        (inner / ".git").mkdir()
    assert find_top_level(inner / "src") == find_top_level(inner) == inner.resolve()
    assert find_top_level(checkout / "src") == checkout.resolve()


def test_a_folder_that_leads_to_itself_or_has_too_long_a_path_has_no_top_level_of_its_own(
    checkout: Path,
) -> None:
    (checkout / "loop").symlink_to("loop")
    assert find_top_level(checkout / "loop" / "x") == checkout.resolve()
    assert find_top_level(checkout / ("x" * 5000)) == checkout.resolve()


def test_the_real_path_counts_whatever_link_leads_there(checkout: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(checkout / "src")
    assert find_top_level(link) == checkout.resolve()


def test_a_worktree_is_a_checkout_of_its_own(checkout: Path, tmp_path: Path) -> None:
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(
        ["git", *author, "commit", "--quiet", "--allow-empty", "-m", "first"], cwd=checkout, check=True
    )
    tree = tmp_path / "tree"
    subprocess.run(["git", "worktree", "add", "--quiet", tree], cwd=checkout, check=True)
    assert find_top_level(tree) == tree.resolve()
    assert describe_checkout(tree) != describe_checkout(checkout)


def test_outside_of_git_there_is_no_checkout(tmp_path: Path) -> None:
    assert find_top_level(tmp_path) is None
    assert describe_checkout(tmp_path) is None


def test_the_service_understands_the_description(checkout: Path) -> None:
    described = describe_checkout(checkout / "src")
    assert described is not None
    assert parse_checkout(described).root == str(checkout.resolve())


@pytest.mark.parametrize("name", ["müller", "a\u202eb", "a\nb"])
def test_a_path_that_no_header_can_carry_is_an_unknown_checkout(tmp_path: Path, name: str) -> None:
    (tmp_path / name / ".git").mkdir(parents=True)
    assert find_top_level(tmp_path / name) is not None
    assert describe_checkout(tmp_path / name) is None


def test_a_terminal_is_described_the_same_every_time() -> None:
    described = describe_terminal()
    assert described is not None
    assert parse_terminal(described) == described == describe_terminal()
