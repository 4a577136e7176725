"""Which session a folder belongs to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coordination.cli import chosen, claude_code
from coordination.cli.connect import ENTRY
from coordination.daemon.chosen import Chosen
from coordination.repository.identity import session_of


def registered(home: Path, top: Path, session: str) -> None:
    """Write what `coord connect` has Claude Code keep for a folder, in place of what was there."""
    url = f"http://127.0.0.1:8000/mcp/v2/claude/alice__session__{session}__${{COORD_AGENT:-planner}}"
    entry = {"mcpServers": {ENTRY: {"type": "http", "url": url}}}
    fresh = home / "fresh"
    fresh.write_text(json.dumps({"projects": {str(top): entry}}))
    fresh.replace(home / ".claude.json")


def test_what_was_registered_for_a_folder_is_chosen_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, top = tmp_path / "home", tmp_path / "project"
    (top / ".git").mkdir(parents=True)
    home.mkdir()
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home))
    assert chosen.chosen_for(top) is None
    registered(home, top, "demo")
    assert chosen.chosen_for(top) == Chosen("demo", "planner")
    assert chosen.chosen_for(tmp_path) is None
    registered(home, top, "other")
    assert chosen.chosen_for(top) == Chosen("other", "planner")
    (home / ".claude.json").unlink()
    assert chosen.chosen_for(top) is None


def test_the_file_is_read_again_only_when_it_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    registered(tmp_path, tmp_path, "demo")
    read: list[Path] = []
    entry = claude_code.entry

    def counted(name: str, folder: Path) -> dict[str, Any] | None:
        read.append(folder)
        return entry(name, folder)

    monkeypatch.setattr(claude_code, "entry", counted)
    for _ in range(3):
        chosen.chosen_for(tmp_path)
    assert read == [tmp_path]


def test_an_entry_of_somebody_elses_is_no_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    other = {"mcpServers": {ENTRY: {"url": "https://mcp.example.org"}}}
    (tmp_path / ".claude.json").write_text(json.dumps({"projects": {str(tmp_path): other}}))
    assert chosen.chosen_for(tmp_path) is None


def test_a_folder_belongs_to_what_it_is_connected_to_and_else_to_its_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "project"
    (top / ".git").mkdir(parents=True)
    (top / "src").mkdir()
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert chosen.working_session() is None
    monkeypatch.chdir(top / "src")
    assert chosen.working_session() == session_of(top)
    registered(tmp_path, top, "demo")
    assert chosen.working_session() == "demo"
    (top / "src").rmdir()
    assert chosen.working_session() is None
