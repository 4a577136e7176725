"""`coord install` and `coord uninstall` with the real Claude Code: what changes, what does not, and what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from coordination.cli import claude_plugin, plugin_copy
from coordination.daemon.folder import folder_in
from coordination.repository.terminal import is_alive
from tests.acceptance.claude import ANYTHING, NEWER, OLDER, Claude
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Call, Say
from tests.acceptance.service import coord
from tests.integration.cli import tiny_daemon
from tests.integration.cli.test_daemon import START

pytestmark = [pytest.mark.acceptance, pytest.mark.slow(reason="real clients start, several times")]

# What Claude Code leaves of its own accord, below the home folder.
ITS_OWN = (
    ".claude/plugins/cache",
    ".claude/plugins/installed_plugins.json",
    ".claude/plugins/known_marketplaces.json",
    ".claude/plugins/marketplaces",
    ".claude/settings.json",
    ".claude/backups",
)


@pytest.fixture(params=[NEWER, OLDER])
def claude(request: pytest.FixtureRequest, programs: dict[str, Path], tmp_path: Path) -> Generator[Claude]:
    """A person with Claude Code, whose home has what that makes by itself."""
    (tmp_path / "project").mkdir()
    with ModelApi(tmp_path / "model.jsonl") as model:
        one = Claude(programs[request.param], tmp_path, tmp_path / "project", model)
        # Folders of the person, which whoever needs them first makes.
        (one.home / ".local" / "share").mkdir(parents=True)
        listed(one)
        yield one
        assert model.outside == []


def listed(claude: Claude, *what: str) -> list[Any]:
    found: list[Any] = json.loads(claude.run("claude", "plugin", *what, "list", "--json"))
    return found


def typed(claude: Claude, *words: str) -> Any:
    return json.loads(claude.run(coord(), *words, "--json"))


def changes(answer: Any) -> dict[str, str]:
    return {row["what"]: row["change"] for row in answer["changes"]}


def tree(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*")}


def named(home: Path, word: str) -> list[Path]:
    """The files in which a word stands, but for those in which Claude Code keeps its own configuration as it was."""
    files = [path for path in home.rglob("*") if path.is_file() and path.parent.name != "backups"]
    return [path for path in files if word.encode() in path.read_bytes()]


def test_it_is_installed_once_brought_up_to_date_and_removed_without_trace(claude: Claude) -> None:
    before = tree(claude.home)
    first = typed(claude, "install")
    assert changes(first) == {"copy of the plugin": "added", "marketplace": "added", "plugin": "added"}
    (plugin,) = listed(claude)
    assert (plugin["id"], plugin["enabled"], plugin["scope"]) == ("coord@coordination", True, "user")
    assert plugin["mcpServers"]["coordination"]["url"] == "http://127.0.0.1:8765/mcp"
    installed = tree(claude.home)
    assert set(changes(typed(claude, "install")).values()) == {"unchanged"}
    assert tree(claude.home) == installed

    # Something of the copy is to be another one, as after an update.
    moved = changes(typed(claude, "install", "--port", "8770"))
    assert moved == {"copy of the plugin": "updated", "marketplace": "unchanged", "plugin": "updated"}
    (plugin,) = listed(claude)
    assert plugin["mcpServers"]["coordination"]["url"] == "http://127.0.0.1:8770/mcp"
    assert set(changes(typed(claude, "install")).values()) == {"unchanged"}

    claude.run("claude", "plugin", "disable", "coord@coordination")
    assert changes(typed(claude, "install"))["plugin"] == "updated"
    assert listed(claude)[0]["enabled"]

    removed = changes(typed(claude, "uninstall"))
    assert {removed[what] for what in ("copy of the plugin", "marketplace", "plugin")} == {"removed"}
    assert listed(claude) == []
    assert listed(claude, "marketplace") == []
    left = {path for path in tree(claude.home) - before if not path.startswith(ITS_OWN)}
    assert left - _parents(set(ITS_OWN)) == set()
    assert list((claude.home / ".claude/plugins/cache").iterdir()) == []
    assert named(claude.home, "coord") == []
    assert before - tree(claude.home) == set()
    assert set(changes(typed(claude, "uninstall")).values()) == {"unchanged"}


def test_a_marketplace_of_that_name_from_elsewhere_is_replaced(claude: Claude, tmp_path: Path) -> None:
    other = tmp_path / "other" / ".claude-plugin" / "marketplace.json"
    other.parent.mkdir(parents=True)
    offer = {"name": "coordination", "owner": {"name": "x"}, "plugins": list[Any]()}
    other.write_text(json.dumps(offer))
    claude.run("claude", "plugin", "marketplace", "add", str(tmp_path / "other"))
    assert changes(typed(claude, "install")) == {
        "copy of the plugin": "added",
        "marketplace": "replaced",
        "plugin": "added",
    }
    assert changes(typed(claude, "uninstall"))["plugin"] == "removed"


def test_the_daemon_that_runs_is_stopped_and_its_folder_goes(claude: Claude) -> None:
    typed(claude, "install")
    place = Path(typed(claude, "config", "show")["data_dir"]["value"])
    folder = folder_in(place)
    command = [sys.executable, "-c", START, tiny_daemon.__file__, str(place), "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, env=environment, check=True, timeout=60)
    daemon = folder.find()
    assert daemon is not None
    assert changes(typed(claude, "uninstall"))["daemon"] == "stopped"
    assert not is_alive(daemon.pid, daemon.started)
    assert (place / tiny_daemon.CLEAN).exists()
    assert sorted(path.name for path in place.iterdir()) == [tiny_daemon.CLEAN]
    assert not folder.socket.parent.exists()


def test_where_claude_is_missing_the_lines_are_printed_that_do_the_same(claude: Claude) -> None:
    nowhere = {"PATH": "/usr/bin:/bin"}
    with pytest.raises(subprocess.CalledProcessError) as failed:
        claude.run(coord(), "install", environment=nowhere)
    lines = str(failed.value.output).splitlines()
    assert failed.value.returncode == 1
    assert [line.split()[:3] for line in lines] == [
        ["claude", "plugin", "marketplace"],
        ["claude", "plugin", "install"],
    ]
    for line in lines:
        claude.run("/bin/sh", "-c", line)
    assert set(changes(typed(claude, "install")).values()) == {"unchanged"}
    with pytest.raises(subprocess.CalledProcessError) as failed:
        claude.run(coord(), "uninstall", environment=nowhere)
    for line in str(failed.value.output).splitlines():
        claude.run("/bin/sh", "-c", line)
    assert set(changes(typed(claude, "uninstall")).values()) == {"unchanged"}


def test_an_entry_of_coord_connect_stays_and_is_named(claude: Claude) -> None:
    claude.run(coord(), "connect", "demo", environment={"PORT": "1"})
    (note, *_) = typed(claude, "install")["notes"]
    assert "connect --remove" in note
    assert "coordination" in claude.run("claude", "mcp", "get", "coordination")
    typed(claude, "uninstall")
    assert "coordination" in claude.run("claude", "mcp", "get", "coordination")


@pytest.mark.parametrize("word", ["block", "warn"])
def test_terminals_that_run_are_held_to_the_policy_after_it(
    claude: Claude, tmp_path: Path, word: str
) -> None:
    """Claude Code takes a hook whose plugin's folder is gone for one that agrees."""
    file = tmp_path / "project" / "a.py"
    file.write_text("one\n")
    place = tmp_path / "data"
    # Neither a daemon nor a service is to be started: this daemon is there before.
    environment = {"COORDINATION_DATA_DIR": str(place)}
    claude.run(coord(), "install", environment=environment)
    claude.run(coord(), "policy", "set", "*.py", word, environment=environment)
    command = [sys.executable, "-c", START, tiny_daemon.__file__, str(place), "0"]
    program = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, env=program, check=True, timeout=60)
    claude.options = list(ANYTHING)
    terminal = claude.converse("one", environment=environment)
    try:
        terminal.say("Read.", [Call("Read", {"file_path": str(file)}), Say("Done.")])
        assert "When they have ended" in claude.run(coord(), "uninstall", environment=environment)
        change = {"file_path": str(file), "old_string": "one", "new_string": "two"}
        terminal.say("Edit.", [Call("Edit", change), Say("Done.")])
        terminal.leave()
        terminal.wait()
    finally:
        claude.stop()
    assert file.read_text() == {"block": "one\n", "warn": "two\n"}[word]
    told = (tmp_path / "model.jsonl").read_text()
    begins = {"block": "refused", "warn": "NOT PROTECTED"}[word]
    assert (
        f"coordination: {begins}. The plugin of coordination was removed while this terminal runs, so" in told
    )
    assert folder_in(place).find() is None
    assert not folder_in(place).path.exists()
    # It has ended.
    claude.run(coord(), "uninstall", environment=environment)
    assert not plugin_copy.folder(place).exists()
    assert not (claude.home / ".claude" / claude_plugin.CACHE).exists()


def _parents(paths: set[str]) -> set[str]:
    return {str(parent) for path in paths for parent in Path(path).parents}
