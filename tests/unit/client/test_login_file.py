"""Logins: kept per service, one of them the default, in a file that nobody else may have written or can read."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coordination.client import login_file
from coordination.client.login_file import Login, Refreshable
from coordination.client.private_file import UnusableFile

TOKEN = "coord_" + "x" * 43
SESSION = Refreshable(
    "https://abc.supabase.co", "sb_publishable_x", "a.b.c", "refresh", 12.5, "ann@example.org"
)
TEAM = Login("https://team.example.org/coord", workspace="w1", user="ann", token=TOKEN)
HOME = Login("https://home.example.org", supabase=SESSION)


def test_without_a_file_nobody_is_logged_in(tmp_path: Path) -> None:
    assert login_file.logins(tmp_path / "new") == []
    assert login_file.read(tmp_path) is None
    assert login_file.read(tmp_path, TEAM.url) is None
    assert login_file.forget(tmp_path, TEAM.url) is False


def test_what_is_written_is_read_again_whole(tmp_path: Path) -> None:
    login_file.write(tmp_path, TEAM)
    login_file.write(tmp_path, HOME)
    assert login_file.read(tmp_path, TEAM.url) == TEAM
    assert login_file.read(tmp_path, HOME.url) == HOME


def test_the_last_one_to_log_in_is_the_default_and_a_renewal_changes_nothing_about_it(tmp_path: Path) -> None:
    login_file.write(tmp_path, TEAM)
    login_file.write(tmp_path, HOME)
    login_file.write(tmp_path, TEAM, default=False)
    assert login_file.read(tmp_path) == HOME
    assert login_file.logins(tmp_path) == [HOME, TEAM]
    login_file.write(tmp_path, TEAM)
    assert login_file.logins(tmp_path) == [TEAM, HOME]


def test_what_is_forgotten_leaves_the_default_to_the_next_one(tmp_path: Path) -> None:
    login_file.write(tmp_path, HOME)
    login_file.write(tmp_path, TEAM)
    assert login_file.forget(tmp_path, TEAM.url + "/") is True
    assert login_file.read(tmp_path) == HOME
    assert TOKEN not in (tmp_path / login_file.FILE_NAME).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "typed",
    [
        "https://team.example.org/coord",
        " https://TEAM.example.org:443/coord/ ",
        "HTTPS://team.example.org/coord//",
    ],
)
def test_a_service_is_known_however_its_url_is_typed(typed: str, tmp_path: Path) -> None:
    login_file.write(tmp_path, TEAM)
    assert login_file.same_url(typed) == TEAM.url
    assert login_file.read(tmp_path, typed) == TEAM


@pytest.mark.parametrize(
    "other", ["http://team.example.org/coord", "https://team.example.org", "https://t.org/coord"]
)
def test_a_credential_is_for_its_own_service_alone(other: str, tmp_path: Path) -> None:
    login_file.write(tmp_path, TEAM)
    assert login_file.read(tmp_path, other) is None


@pytest.mark.parametrize(
    "typed",
    [
        "team.example.org",
        "ftp://x.org",
        "https://",
        "https://u:p@x.org",
        "https://x.org?a=1",
        "https://x.org#a",
        "",
    ],
)
def test_what_is_no_url_of_a_service_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        login_file.same_url(typed)


def test_the_file_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        login_file.write(tmp_path / "new", TEAM)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    assert modes == {login_file.FILE_NAME: 0o600, f"{login_file.FILE_NAME}.lock": 0o600}
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_what_a_login_says_of_itself_holds_no_credential() -> None:
    said = f"{TEAM!r} {HOME!r} {SESSION!r}"
    assert TOKEN not in said
    assert "a.b.c" not in said
    assert "'refresh'" not in said


def _symlink(path: Path) -> None:
    login_file.write(path.parent / "elsewhere", TEAM)
    path.symlink_to(path.parent / "elsewhere" / login_file.FILE_NAME)


def _fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _open_to(mode: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        login_file.write(path.parent, TEAM)
        path.chmod(0o600 | mode)

    return write


def _text(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    return write


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_symlink, "symbolic link"),
        (Path.mkdir, "no regular file"),
        (_fifo, "no regular file"),
        *((_open_to(bit), "other users") for bit in (0o040, 0o020, 0o004, 0o002)),
        (_text("not json"), "no list of logins"),
        (_text('{"logins": [{"workspace": "w"}]}'), "no list of logins"),
        (_text(" " * login_file.MOST + '{"logins": []}'), "no list of logins|more than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_others_may_have_put_there_or_read_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    path = tmp_path / login_file.FILE_NAME
    make(path)
    before = path.lstat()
    uses: list[Callable[[], object]] = [
        lambda: login_file.read(tmp_path),
        lambda: login_file.write(tmp_path, HOME),
        lambda: login_file.forget(tmp_path, TEAM.url),
    ]
    for use in uses:
        with pytest.raises(UnusableFile, match=why) as refused:
            use()
        assert str(path) in str(refused.value)
        assert "log in again" in str(refused.value)
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login_file.write(tmp_path, TEAM)
    os.chown(tmp_path / login_file.FILE_NAME, 65534, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnusableFile, match="another user"):
        login_file.read(tmp_path)


def test_terminals_that_log_in_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    many = [Login(f"https://s{number}.example.org", token=TOKEN) for number in range(40)]
    with ThreadPoolExecutor(8) as terminals:
        for written in [terminals.submit(login_file.write, tmp_path, login) for login in many]:
            written.result()
    assert {login.url for login in login_file.logins(tmp_path)} == {login.url for login in many}
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {login_file.FILE_NAME, f"{login_file.FILE_NAME}.lock"}
