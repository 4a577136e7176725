"""`coord policy`: one file of the person, changed line by line, and never made weaker by what cannot be understood."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from coordination.cli import policy, run


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert policy.path().is_relative_to(tmp_path)
    return policy.path()


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    exit_code = run(["policy", *words])
    return exit_code, capsys.readouterr().out


def test_without_a_file_everything_is_let_pass_with_a_warning(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(capsys)[0] == 0
    assert typed(capsys)[1].splitlines()[1].split() == ["*", "warn"]
    assert json.loads(typed(capsys, "--json")[1])["rules"] == []
    assert not file.exists()


def test_what_is_set_goes_before_what_was_set_earlier_and_is_taken_back_without_trace(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(*words: str) -> str:
        return json.loads(typed(capsys, *words, "--json")[1])["change"]

    assert change("set", "*", "block") == "added"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert change("set", "docs/my notes/*", "warn") == "added"
    assert file.read_text() == "* block\ndocs/my notes/* warn\n"
    assert change("set", "docs/my notes/*", "warn") == "unchanged"
    assert change("set", "*", "block") == "updated"
    assert file.read_text() == "docs/my notes/* warn\n* block\n"
    assert [line.split()[-1] for line in typed(capsys)[1].splitlines()[1:]] == ["warn", "warn", "block"]
    assert change("remove", "*.py") == "unchanged"
    assert change("remove", "*") == "removed"
    assert change("remove", "docs/my notes/*") == "removed"
    assert not file.exists()


def test_comments_stay(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("# Ours.\n\n  a   block \n")
    assert typed(capsys, "set", "b", "warn")[0] == 0
    assert file.read_text() == "# Ours.\n\n  a   block \nb warn\n"
    assert typed(capsys, "remove", "a")[0] == 0
    assert file.read_text() == "# Ours.\n\nb warn\n"


@pytest.mark.parametrize(
    "pattern", ["", " a", "#a", "a\nb block", "a\u202eb", "x" * 2000, "!a", "a\\b", "../a", "~bob/a"]
)
def test_what_would_not_be_read_back_as_that_pattern_is_refused(
    file: Path, capsys: pytest.CaptureFixture[str], pattern: str
) -> None:
    assert typed(capsys, "set", "--", pattern, "block")[0] == 2
    assert not file.exists()


def test_what_cannot_be_understood_is_named_and_left_as_it_is(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("a block\nb perhaps\n")
    file.chmod(0o600)
    code, out = typed(capsys)
    assert code == 5
    assert 'in line 2, "b perhaps": it does not end in warn or block. Until that is mended, it blocks' in out
    code, out = typed(capsys, "set", "c", "warn")
    assert (code, "it blocks every file" in out) == (0, True)
    assert file.read_text() == "a block\nb perhaps\nc warn\n"
    file.write_bytes(b"\xff warn\n")
    assert typed(capsys)[0] == 1


@pytest.mark.parametrize("mode", [0o622, 0o644, 0o610])
def test_a_file_that_is_open_to_others_is_named_as_hooks_do_not_believe_it(
    file: Path, capsys: pytest.CaptureFixture[str], mode: int
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("a warn\n")
    file.chmod(mode)
    code, out = typed(capsys)
    assert code == 5
    assert "blocks every file" in out
    assert f"chmod 600 {file}" in out


def test_a_link_is_named_as_hooks_do_not_follow_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    target = file.with_name("elsewhere")
    target.write_text("a warn\n")
    target.chmod(0o600)
    file.symlink_to(target)
    code, out = typed(capsys)
    assert (code, "symbolic link" in out) == (5, True)
