"""The local token: made once, kept, private; asked for where it has to be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coordination.app import local_token
from coordination.settings import load
from coordination.transport import peer

TOKEN = "x" * 40


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


def _symlink(path: Path) -> None:
    (path.parent / "elsewhere").write_text(TOKEN, encoding="ascii")
    path.symlink_to(path.parent / "elsewhere")


def _to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def _fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _open_to(mode: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(TOKEN, encoding="ascii")
        path.chmod(mode)

    return write


def _file(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    return write


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_symlink, "symbolic link"),
        (_to_nowhere, "symbolic link"),
        (Path.mkdir, "no regular file"),
        (_fifo, "no regular file"),
        *((_open_to(0o600 | bit), "other users") for bit in (0o040, 0o020, 0o010, 0o004, 0o002, 0o001)),
        (_file("x" * 31), "no token"),
        (_file("x" * 300), "no token"),
        (_file("ä" * 40), "no token"),
        (_file("x y" * 20), "no token"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_token_that_others_may_have_put_there_or_read_is_refused(
    tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    path = tmp_path / local_token.FILE_NAME
    make(path)
    for use in (local_token.read, local_token.read_or_make):
        with pytest.raises(local_token.UnusableToken) as refused:
            use(tmp_path)
        assert str(path) in str(refused.value)
        assert why in str(refused.value)
        assert "Remove it" in str(refused.value)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_token_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / local_token.FILE_NAME
    _file(TOKEN)(path)
    os.chown(path, 65534, -1)
    assert local_token.read(tmp_path) == TOKEN  # root may look after another user's service
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(local_token.UnusableToken, match="another user"):
        local_token.read(tmp_path)


@pytest.mark.parametrize(
    ("told", "checked", "needed"), [("auto", True, False), ("auto", False, True), ("required", True, True)]
)
def test_it_is_asked_for_when_told_so_or_when_nobody_can_tell_who_a_peer_is(
    told: str, checked: bool, needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "can_check", lambda: checked)
    assert local_token.is_needed(load({"COORDINATION_LOCAL_TOKEN": told})) is needed
