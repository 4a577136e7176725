"""Our copy of the plugin: what it says of this machine, when it changes, and that nothing else is left in it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from coordination.cli import plugin_copy
from coordination.cli.output import Failure
from coordination.daemon.folder import folder_in
from coordination.settings import load

PINS = {"interpreter": "/usr/bin/python3", "socket": "/s", "policy": "/p", "port": "8770"}


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin as it comes, small."""
    place = tmp_path / "given"
    server = {"mcpServers": {"coordination": {"type": "http", "url": "http://127.0.0.1:8765/mcp"}}}
    files = {
        ".claude-plugin/plugin.json": json.dumps(
            {"name": "coord", "version": "1.2.3", "author": {"name": "Us"}}
        ),
        ".mcp.json": json.dumps(server),
        "hooks/hook.py": "print()",
        "hooks/__pycache__/hook.pyc": "",
        "hooks/pinned": "interpreter=/somebody/elses\n",
    }
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def test_it_is_the_plugin_with_what_it_must_know_and_a_marketplace_that_offers_it(plugin: Path) -> None:
    files = plugin_copy.render(plugin, PINS)
    assert set(files) == {
        ".claude-plugin/marketplace.json",
        "coord/.claude-plugin/plugin.json",
        "coord/.mcp.json",
        "coord/hooks/hook.py",
        "coord/hooks/pinned",
    }
    assert files["coord/hooks/pinned"].decode().splitlines() == [
        "interpreter=/usr/bin/python3",
        "policy=/p",
        "port=8770",
        "socket=/s",
    ]
    assert b"http://127.0.0.1:8770/mcp" in files["coord/.mcp.json"]
    offer = json.loads(files[".claude-plugin/marketplace.json"])
    assert (offer["name"], offer["plugins"][0]["source"]) == ("coordination", "./coord")


def test_its_version_changes_with_whatever_is_in_it_and_with_nothing_else(plugin: Path) -> None:
    first = plugin_copy.version(plugin_copy.render(plugin, PINS))
    assert first.startswith("1.2.3+")
    assert plugin_copy.version(plugin_copy.render(plugin, dict(reversed(PINS.items())))) == first
    assert plugin_copy.version(plugin_copy.render(plugin, PINS | {"socket": "/t"})) != first
    (plugin / "hooks" / "hook.py").write_text("print(1)")
    assert plugin_copy.version(plugin_copy.render(plugin, PINS)) != first


def test_it_is_written_for_its_owner_alone_brought_up_to_date_and_removed(
    plugin: Path, tmp_path: Path
) -> None:
    place = tmp_path / "deep" / "copy"
    files = plugin_copy.render(plugin, PINS)
    assert plugin_copy.write(place, files) == "added"
    assert plugin_copy.write(place, files) == "unchanged"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [place, *place.rglob("*")]}
    assert modes == {0o700, 0o600}
    (place / "coord" / "left").write_text("over")
    (place / "coord" / "hooks" / "hook.py").write_text("changed")
    assert plugin_copy.write(place, files) == "updated"
    assert not (place / "coord" / "left").exists()
    assert (place / "coord" / "hooks" / "hook.py").read_text() == "print()"
    assert plugin_copy.remove(place, has_terminals=True) == "removed"
    assert plugin_copy.remove(place, has_terminals=True) == "unchanged"
    # Terminals that run have it until they end: what answers their edits stays.
    left = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert left == {"coord/hooks/hook.py", "coord/hooks/pinned"}
    assert plugin_copy.write(place, files) == "added"
    assert plugin_copy.remove(place, has_terminals=True) == "removed"
    # They have ended.
    assert plugin_copy.remove(place, has_terminals=False) == "removed"
    assert not place.exists()
    assert plugin_copy.remove(place, has_terminals=False) == "unchanged"


@pytest.mark.parametrize("which", ["copy", "above"])
def test_where_others_could_change_it_nothing_is_written(plugin: Path, tmp_path: Path, which: str) -> None:
    place = tmp_path / "above" / "copy"
    files = plugin_copy.render(plugin, PINS)
    plugin_copy.write(place, files)
    (place if which == "copy" else place.parent).chmod(0o777)
    (place / "coord" / "hooks" / "hook.py").write_text("changed")
    with pytest.raises(Failure, match=r"others may write|open to other users") as found:
        plugin_copy.write(place, files)
    assert found.value.code == "unsafe_folder"
    assert (place / "coord" / "hooks" / "hook.py").read_text() == "changed"


def test_a_path_that_would_say_more_than_one_thing_is_refused(plugin: Path) -> None:
    with pytest.raises(Failure, match="path of coord"):
        plugin_copy.render(plugin, PINS | {"coord": "/a\npolicy=/b"})


def test_what_it_says_of_this_machine_is_whole(tmp_path: Path) -> None:
    told = load({"COORDINATION_DATA_DIR": str(tmp_path)})
    pins = plugin_copy.pins(told, 8770)
    assert pins["interpreter"] == sys.executable
    assert pins["socket"] == str(folder_in(tmp_path).socket)
    assert pins["port"] == "8770"
    assert all(os.path.isabs(pins[name]) for name in pins if name != "port")


def test_a_daemon_that_a_hook_starts_has_the_folders_of_who_installed_it(
    plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COORDINATION_DATA_DIR", "COORDINATION_CONFIG", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert plugin_copy.launcher() is None
    assert os.access(plugin_copy.pins(load(), 8765)["coord"], os.X_OK)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "it's $HOME"))
    chosen = load()
    assert chosen.data_dir.is_relative_to(tmp_path / "it's $HOME")
    files = plugin_copy.render(plugin, plugin_copy.pins(chosen, 8765), plugin_copy.launcher())
    plugin_copy.write(plugin_copy.folder(chosen.data_dir), files)
    coord = plugin_copy.pins(chosen, 8765)["coord"]
    # As the hook program starts it: with next to no environment.
    line = [coord, "config", "show", "--json"]
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(line, env=bare, cwd="/", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["data_dir"]["value"] == str(chosen.data_dir)
    assert json.loads(done.stdout)["data_dir"]["origin"] == "default"


def test_the_port_that_it_was_made_for_is_kept(plugin: Path, tmp_path: Path) -> None:
    assert plugin_copy.pinned_port(tmp_path) is None
    plugin_copy.write(plugin_copy.folder(tmp_path), plugin_copy.render(plugin, PINS))
    assert plugin_copy.pinned_port(tmp_path) == 8770
