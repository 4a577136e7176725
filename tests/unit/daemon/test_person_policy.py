"""The person's policy as the daemon reads it from a real file."""

import os
import pwd
from pathlib import Path

import pytest

from coordination.daemon.person_policy import PersonPolicy


def said(folder: Path, text: str, mode: int = 0o600) -> PersonPolicy:
    file = folder / "policy"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return PersonPolicy(file)


def test_without_a_file_nothing_is_blocked(tmp_path: Path) -> None:
    assert not PersonPolicy(tmp_path / "policy").blocks(Path("/work/a.py"))


def test_a_line_counts_by_either_name_and_as_soon_as_it_stands_there(tmp_path: Path) -> None:
    policy = said(tmp_path, "* warn\n/link/* block\n")
    assert policy.blocks(Path("/link/a.py"), Path("/work/a.py"))
    assert policy.blocks(Path("/work/a.py"), Path("/link/a.py"))
    assert not policy.blocks(Path("/work/a.py"))
    said(tmp_path, "* block\n")
    assert policy.blocks(Path("/work/a.py"))


@pytest.mark.parametrize(("text", "mode"), [("* perhaps\n", 0o600), ("* warn\n", 0o666)])
def test_what_cannot_be_believed_blocks_everything(tmp_path: Path, text: str, mode: int) -> None:
    assert said(tmp_path, text, mode).blocks(Path("/work/a.py"))


def test_a_file_that_nobody_can_look_at_blocks_everything(tmp_path: Path) -> None:
    # A name that no system has: opening it fails, and not because there is none. Root may open everything else.
    assert PersonPolicy(tmp_path / ("x" * 300)).blocks(Path("/work/a.py"))


def test_a_folder_in_its_place_blocks_everything(tmp_path: Path) -> None:
    assert PersonPolicy(tmp_path).blocks(Path("/work/a.py"))


def test_no_variable_says_where_the_home_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    monkeypatch.setenv("HOME", str(tmp_path))
    policy = said(tmp_path, "~/work/* block\n")
    assert policy.blocks(home / "work" / "a.py")
    assert not policy.blocks(tmp_path / "work" / "a.py")
