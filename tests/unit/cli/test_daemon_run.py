"""What the daemon is given: it starts a local service only where one is meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coordination.app import port as ports
from coordination.cli import claude_code, daemon_run, place
from coordination.cli.connect import ENTRY
from coordination.cli.output import Failure
from coordination.daemon.terminals import Chosen
from coordination.settings import load


def test_where_a_hosted_service_is_meant_no_local_one_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COORDINATION_URL", "https://coordination.example.com")
    monkeypatch.setenv("COORDINATION_TOKEN", "coord_secret")
    daemon_run.start_service(load({"COORDINATION_DATA_DIR": str(tmp_path / "data")}))
    assert not (tmp_path / "data").exists()


def test_where_the_port_of_the_local_one_is_taken_it_is_said_by_whom(tmp_path: Path) -> None:
    with ports.listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(Failure, match=f"Port {port}"):
            daemon_run.start_service(load({"COORDINATION_DATA_DIR": str(tmp_path), "PORT": port}))


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
    assert daemon_run.chosen_for(top) is None
    registered(home, top, "demo")
    assert daemon_run.chosen_for(top) == Chosen("demo", "planner")
    assert daemon_run.chosen_for(tmp_path) is None
    registered(home, top, "other")
    assert daemon_run.chosen_for(top) == Chosen("other", "planner")
    (home / ".claude.json").unlink()
    assert daemon_run.chosen_for(top) is None


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
        daemon_run.chosen_for(tmp_path)
    assert read == [tmp_path]


def test_an_entry_of_somebody_elses_is_no_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    other = {"mcpServers": {ENTRY: {"url": "https://mcp.example.org"}}}
    (tmp_path / ".claude.json").write_text(json.dumps({"projects": {str(tmp_path): other}}))
    assert daemon_run.chosen_for(tmp_path) is None


def test_a_service_on_this_machine_is_talked_to_under_the_persons_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = daemon_run.find_service(load({"COORDINATION_DATA_DIR": str(tmp_path), "PORT": "8123"}))
    assert found is not None
    assert (found.url, found.workspace, found.user) == ("http://127.0.0.1:8123", None, place.user())
