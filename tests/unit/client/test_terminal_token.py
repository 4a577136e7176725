"""The token of a folder's terminals: kept for its owner alone, and given out for the one session that it is for."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from coordination.client import terminal_token
from coordination.client.private_file import UnusableFile
from coordination.client.terminal_token import TerminalToken

SERVICE = "https://coordination.example.com"
ENDPOINT = terminal_token.endpoint(SERVICE, "alice", "demo")
TOKEN = TerminalToken(ENDPOINT, "local", "0123", None, True, "coord_secret")
KEY = terminal_token.key(ENDPOINT, "local", Path("/project"))


def test_it_comes_back_as_it_was_kept_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    terminal_token.write(tmp_path, KEY, TOKEN)
    assert terminal_token.read(tmp_path, KEY) == TOKEN
    [file] = (tmp_path / terminal_token.FOLDER).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "secret" not in repr(TOKEN)


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    terminal_token.write(tmp_path, KEY, TOKEN)
    terminal_token.forget(tmp_path, KEY)
    terminal_token.forget(tmp_path, KEY)
    assert terminal_token.read(tmp_path, KEY) is None


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    terminal_token.write(tmp_path, KEY, TOKEN)
    (tmp_path / terminal_token.FOLDER / f"{KEY}.json").chmod(0o644)
    with pytest.raises(UnusableFile, match="open to other users"):
        terminal_token.read(tmp_path, KEY)


@pytest.mark.parametrize(
    "name", ["", "../logins", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef0"]
)
def test_what_is_no_key_leads_to_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "logins.json").write_text("{}")
    assert terminal_token.read(tmp_path, name) is None
    terminal_token.forget(tmp_path, name)
    with pytest.raises(ValueError, match="no key"):
        terminal_token.write(tmp_path, name, TOKEN)
    assert (tmp_path / "logins.json").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"endpoint": "x"}', "not json"])
def test_a_file_that_holds_no_token_gives_none(tmp_path: Path, content: str) -> None:
    terminal_token.write(tmp_path, KEY, TOKEN)
    (tmp_path / terminal_token.FOLDER / f"{KEY}.json").write_text(content)
    assert terminal_token.read(tmp_path, KEY) is None


def test_each_session_workspace_and_folder_has_a_key_of_its_own() -> None:
    other = terminal_token.endpoint(SERVICE, "alice", "other")
    keys = {
        KEY,
        terminal_token.key(other, "local", Path("/project")),
        terminal_token.key(ENDPOINT, "second", Path("/project")),
        terminal_token.key(ENDPOINT, "local", Path("/elsewhere")),
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        (f"{ENDPOINT}__planner", True),
        (f"{ENDPOINT}__${{COORD_AGENT:-planner}}", True),
        (f"{ENDPOINT}2__planner", False),
        (f"{SERVICE}/mcp/v2/claude/alice__session__other__planner", False),
        (f"https://evil.example.com/{ENDPOINT}__planner", False),
        (ENDPOINT.replace("https", "http") + "__planner", False),
        ("", False),
    ],
)
def test_it_is_for_the_agents_of_its_session_and_nobody_else(url: str, fits: bool) -> None:
    assert TOKEN.is_for(url) is fits
