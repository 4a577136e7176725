"""What `coord uninstall` says is left, told by what is there. What it does is tried with the real Claude Code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordination.cli import claude_running, plugin_copy, run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of somebody whose Claude Code has no plugin."""
    claude = tmp_path / "bin" / "claude"
    claude.parent.mkdir()
    claude.write_text("#!/bin/sh\necho '[]'\n")
    claude.chmod(0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", f"{claude.parent}:/usr/bin:/bin")
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def notes(capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert run(["uninstall", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    return answer["notes"]


def test_where_nothing_was_installed_nothing_is_said_to_stay(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert notes(capsys) == ["Nothing was installed."]
    assert not place.exists()


@pytest.mark.parametrize("runs", [True, False])
def test_the_hooks_that_stay_are_named_as_long_as_a_terminal_runs(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    monkeypatch.setattr(claude_running, "has_ours", lambda: runs)
    hooks = plugin_copy.folder(place) / min(plugin_copy.LEFT)
    hooks.parent.mkdir(parents=True)
    hooks.write_text("")
    said = notes(capsys)
    assert hooks.exists() is runs
    assert any(f"its hooks stay in {plugin_copy.folder(place)}" in note for note in said) is runs
