"""The local token: made once, kept, private; asked for where it has to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordination.app import local_token
from coordination.settings import load
from coordination.transport import peer


def test_the_token_is_made_once_and_kept(tmp_path: Path) -> None:
    assert local_token.read(tmp_path) is None
    token = local_token.read_or_make(tmp_path)
    assert len(token) >= 40
    assert local_token.read_or_make(tmp_path) == local_token.read(tmp_path) == token


def test_the_token_is_for_its_owner_only(tmp_path: Path) -> None:
    local_token.read_or_make(tmp_path / "new")
    (path,) = (tmp_path / "new").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_tokens_of_two_folders_differ(tmp_path: Path) -> None:
    assert local_token.read_or_make(tmp_path / "a") != local_token.read_or_make(tmp_path / "b")


def test_an_empty_file_is_no_token_and_is_replaced(tmp_path: Path) -> None:
    (tmp_path / local_token.FILE_NAME).write_text("\n", encoding="ascii")
    assert local_token.read(tmp_path) is None
    assert local_token.read_or_make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [local_token.FILE_NAME]


@pytest.mark.parametrize(
    ("told", "checked", "needed"), [("auto", True, False), ("auto", False, True), ("required", True, True)]
)
def test_it_is_asked_for_when_told_so_or_when_nobody_can_tell_who_a_peer_is(
    told: str, checked: bool, needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "can_check", lambda: checked)
    assert local_token.is_needed(load({"COORDINATION_LOCAL_TOKEN": told})) is needed
