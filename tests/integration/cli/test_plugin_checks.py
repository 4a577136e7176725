"""What `coord doctor` says of the plugin on this machine, with the files as `coord install` makes them."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coordination.cli import claude_code, plugin_copy, policy
from coordination.cli import plugin_checks as plugin_checks_module
from coordination.cli.checks import Check
from coordination.cli.plugin_checks import find, plugin_checks
from coordination.settings import Settings, load

PROGRAM = """#!/bin/sh
printf '%s' '[{"id": "coord@coordination", "scope": "user", "version": "1", "enabled": {ENABLED}}]'
"""


class Person:
    """Somebody with a home, a copy of the plugin, and a Claude Code that says what it has."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = folder / "home"
        self.project = folder / "project"
        self.chosen: Settings = load({"COORDINATION_DATA_DIR": str(folder / "data")})
        self.programs = folder / "bin"
        for one in (self.home, self.project, self.programs):
            one.mkdir()
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("PATH", str(self.programs))
        for name in ("CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name, raising=False)

    @property
    def root(self) -> Path:
        return plugin_copy.folder(self.chosen.data_dir) / plugin_copy.PLUGIN

    def installs(self, **pins: str) -> None:
        pinned = {**plugin_copy.pins(self.chosen, 8765), **pins}
        files = plugin_copy.render(plugin_copy.source(), pinned, plugin_copy.launcher())
        plugin_copy.write(plugin_copy.folder(self.chosen.data_dir), files)

    def has_it(self, *scopes: str) -> None:
        records = [{"scope": scope, "installPath": str(self.root)} for scope in scopes]
        path = self.home / ".claude/plugins/installed_plugins.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"version": 2, "plugins": {"coord@coordination": records}}))

    def runs(self, program: str) -> None:
        path = self.programs / "claude"
        path.write_text(program)
        path.chmod(0o755)

    def look(self) -> dict[str, Check]:
        plugin = find(self.chosen)
        assert plugin is not None
        found = {check.name: check for check in plugin_checks(self.chosen, plugin, self.project)}
        assert all(bool(check.mend) is (check.state == "failed") for check in found.values())
        return found

    def failed(self) -> dict[str, str]:
        return {check.name: check.found for check in self.look().values() if check.state == "failed"}


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    one = Person(tmp_path, monkeypatch)
    one.installs()
    one.has_it("user")
    return one


def test_where_there_is_no_plugin_nothing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(Person(tmp_path, monkeypatch).chosen) is None


def test_as_it_was_installed_all_is_well(person: Person) -> None:
    assert person.failed() == {}
    person.runs(PROGRAM.replace("{ENABLED}", "true"))
    assert person.failed() == {}
    assert person.look()["plugin"].found == "1, installed and switched on"


def _gone_from_claude_code(person: Person) -> None:
    person.has_it()


def _only_in_a_project(person: Person) -> None:
    person.has_it("project", "local")


def _switched_off(person: Person) -> None:
    person.runs(PROGRAM.replace("{ENABLED}", "false"))


def _forgotten(person: Person) -> None:
    person.runs("#!/bin/sh\nprintf '[]'\n")


def _claude_broken(person: Person) -> None:
    person.runs("#!/bin/sh\nexit 3\n")


def _changed(person: Person) -> None:
    (person.root / "hooks/hook.py").write_text("print('{}')\n")


def _pins_changed(person: Person) -> None:
    pinned = person.root / "hooks/pinned"
    pinned.write_text(pinned.read_text().replace("port=8765", "port=8766"))


def _something_added(person: Person) -> None:
    (person.root / "hooks/extra.sh").write_text("")


def _something_gone(person: Person) -> None:
    (person.root / "commands/who.md").unlink()


def _writable(person: Person) -> None:
    (person.root / "hooks/run.sh").chmod(0o666)


def _another_socket(person: Person) -> None:
    person.installs(socket="/elsewhere/socket")


def _another_policy(person: Person) -> None:
    person.installs(policy="/elsewhere/policy")


def _interpreter_gone(person: Person) -> None:
    person.installs(interpreter=str(person.home / "python-that-was"))


def _interpreter_broken(person: Person) -> None:
    broken = person.home / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    person.installs(interpreter=str(broken))


def _policy_not_understood(person: Person) -> None:
    _write_policy("* maybe\n", 0o600)


def _policy_of_others(person: Person) -> None:
    _write_policy("* block\n", 0o666)


def _write_policy(text: str, mode: int) -> None:
    policy.path().parent.mkdir(parents=True)
    policy.path().write_text(text)
    policy.path().chmod(mode)


def _registered_too(person: Person) -> None:
    url = "http://127.0.0.1:8000/mcp/v2/claude/me__session__demo__planner"
    project = str(claude_code.project(person.project))
    config: Any = {"projects": {project: {"mcpServers": {"coordination": {"url": url}}}}}
    (person.home / ".claude.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("harm", "name", "word"),
    [
        (_gone_from_claude_code, "plugin", "does not have it"),
        (_only_in_a_project, "plugin", "single projects only"),
        (_switched_off, "plugin", "switched off"),
        (_forgotten, "plugin", "switched off"),
        (_claude_broken, "plugin", "failed"),
        (_changed, "plugin files", "hooks/hook.py"),
        (_pins_changed, "plugin files", ".claude-plugin/plugin.json"),
        (_something_added, "plugin files", "hooks/extra.sh"),
        (_something_gone, "plugin files", "commands/who.md"),
        (_writable, "plugin files", "others may write"),
        (_another_socket, "plugin files", "/elsewhere/socket"),
        (_another_policy, "plugin files", "/elsewhere/policy"),
        (_interpreter_gone, "interpreter", "python-that-was"),
        (_interpreter_broken, "interpreter", "does not run"),
        (_policy_not_understood, "policy", "policy"),
        (_policy_of_others, "policy", "policy"),
        (_registered_too, "registrations", "twice"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_else(
    harm: Callable[[Person], None], name: str, word: str, person: Person
) -> None:
    harm(person)
    failed = person.failed()
    assert list(failed) == [name]
    assert word in failed[name]


def test_it_looks_for_an_interpreter_where_the_hooks_do() -> None:
    loop = re.search(
        r'^for one in "\$python" (.*); do$', (plugin_copy.source() / "hooks/run.sh").read_text(), re.M
    )
    assert loop is not None
    places = shlex.split(loop[1].replace("$home", "~"))
    assert places == list(plugin_checks_module.PYTHONS)


def test_as_it_comes_from_a_marketplace_nothing_has_to_be_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(tmp_path, monkeypatch)
    usual = person.home / "python3"
    usual.symlink_to(sys.executable)
    monkeypatch.setattr(plugin_checks_module, "PYTHONS", ("/nowhere/python3", str(usual)))
    path = person.home / ".claude/plugins/installed_plugins.json"
    path.parent.mkdir(parents=True)
    record = {"scope": "user", "installPath": str(plugin_copy.source())}
    path.write_text(json.dumps({"plugins": {"coord@coordination": [record]}}))
    found = person.look()
    assert found["interpreter"].found.startswith(str(usual))
    usual.unlink()
    # The hooks do not look on the PATH, which a repository can set.
    (person.programs / "python3").symlink_to(sys.executable)
    assert "no python3" in person.failed()["interpreter"]
