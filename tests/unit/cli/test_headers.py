"""`coord headers` runs at the start of every terminal, so it loads next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from coordination.cli import headers, target
from coordination.client import terminal_token
from coordination.client.terminal_token import TerminalToken
from coordination.settings.values import APP

LOOK = """
import atexit, sys
from coordination.cli import main
sys.argv = ["coord", *sys.argv[1:]]
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
main()
"""
ENDPOINT = terminal_token.endpoint("https://coordination.example.com", "alice", "demo")
KEY = terminal_token.key(ENDPOINT, "local", Path("/project"))
HEAVY = {
    "asyncio",
    "cyclopts",
    "httpx",
    "pydantic",
    "rich",
    "coordination.cli.commands",
    "coordination.settings",
}


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is kept for a session, and Claude Code that connects to it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv(headers.SERVER_VARIABLE, f"{ENDPOINT}__planner")
    token = TerminalToken(ENDPOINT, "local", "0123", None, True, "coord_secret")
    terminal_token.write(target.folder(), KEY, token)


@pytest.mark.parametrize("key", [[], [KEY]])
def test_it_loads_none_of_the_other_commands(tmp_path: Path, key: list[str]) -> None:
    (tmp_path / ".git").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LOOK, "headers", *key],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["x-coordination-checkout"].endswith(f":{tmp_path.resolve()}")
    assert answer.get("authorization") == ("Bearer coord_secret" if key else None)
    assert "coordination.cli.headers" in done.stderr.split()
    assert HEAVY & set(done.stderr.split()) == set()


@pytest.mark.parametrize(
    "server",
    [
        "https://evil.example.com/mcp/v2/claude/alice__session__demo__planner",
        ENDPOINT.replace("demo", "other") + "__planner",
        None,
    ],
)
def test_a_token_is_answered_for_no_other_server_and_no_other_session(
    server: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(headers.SERVER_VARIABLE)
    if server is not None:
        monkeypatch.setenv(headers.SERVER_VARIABLE, server)
    assert headers.headers(KEY) == 0
    assert "coord_secret" not in capsys.readouterr().out


def test_a_token_that_others_can_read_is_not_answered(capsys: pytest.CaptureFixture[str]) -> None:
    (target.folder() / terminal_token.FOLDER / f"{KEY}.json").chmod(0o644)
    assert headers.headers(KEY) == 0
    printed = capsys.readouterr()
    assert "authorization" not in json.loads(printed.out)
    assert "open to other users" in printed.err


def test_it_looks_where_the_other_commands_keep_tokens() -> None:
    assert headers.APP == APP


def test_in_a_folder_that_is_gone_it_still_answers_an_object(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = 'rmdir "$1" && exec "$2" -P -m coordination headers'
    done = subprocess.run(
        ["/bin/sh", "-c", line, "sh", gone, sys.executable],
        cwd=gone,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "x-coordination-checkout" not in json.loads(done.stdout)
