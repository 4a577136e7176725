"""What in Claude Code's settings files is named as standing in the way of our hooks, and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coordination.cli import claude_settings
from coordination.cli.claude_settings import Finding, Kind, files, findings

OURS = "coord@coordination"
HARMLESS: dict[str, Any] = {
    "model": "opus",
    "enabledPlugins": {OURS: True, "other@elsewhere": False},
    "permissions": {"allow": ["Edit"], "deny": ["WebFetch"], "defaultMode": "bypassPermissions"},
    "env": {"EDITOR": "vi", "NUMBER": 3},
    "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true", "timeout": 5}]}]},
    "disableAllHooks": False,
}


def look(kind: Kind, path: Path, content: object) -> list[Finding]:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return list(findings([(kind, path)], {}))


@pytest.mark.parametrize("kind", ["user", "project", "local", "managed"])
def test_a_file_that_stands_in_nobodys_way_is_not_named(kind: Kind, tmp_path: Path) -> None:
    assert look(kind, tmp_path / "settings.json", HARMLESS) == []
    assert look(kind, tmp_path / "settings.json", "") == []


@pytest.mark.parametrize("kind", ["user", "project", "local", "managed"])
@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"disableAllHooks": True}, "disableAllHooks"),
        ({"enabledPlugins": {OURS: False}}, "enabledPlugins"),
        ({"env": {"CLAUDE_CODE_SIMPLE": "1"}}, "--bare"),
        ({"env": {"CLAUDE_CODE_SAFE_MODE": "true"}}, "--safe-mode"),
    ],
)
def test_what_silences_the_hooks_is_named_in_every_file(
    kind: Kind, content: object, word: str, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    (found,) = look(kind, path, content)
    assert found.silences
    assert word in found.says
    assert str(path) in found.says
    assert found.mend


def test_only_the_administrators_word_can_leave_hooks_to_the_administrator(tmp_path: Path) -> None:
    content = {"allowManagedHooksOnly": True}
    (found,) = look("managed", tmp_path / "settings.json", content)
    assert found.silences
    assert look("project", tmp_path / "settings.json", content) == []


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("{", "the whole file"),
        ("[]", "the whole file"),
        ({"hooks": {"PreToolUse": "x"}}, "hooks.PreToolUse"),
        ({"hooks": {"PreToolUse": [{"matcher": "Edit"}]}}, "hooks.PreToolUse.0.hooks"),
        ({"hooks": {"Stop": [{"hooks": [{"command": "true"}]}]}}, "hooks.Stop.0.hooks.0.type"),
        ({"permissions": {"allow": "Edit"}}, "permissions.allow"),
        ({"env": {"PATH": ["/bin"]}}, "env.PATH"),
        ({"enabledPlugins": [OURS]}, "enabledPlugins"),
        ({"disableAllHooks": "true"}, "disableAllHooks"),
    ],
)
def test_an_entry_of_a_wrong_shape_is_named_by_its_place(content: object, where: str, tmp_path: Path) -> None:
    (found,) = look("user", tmp_path / "settings.json", content)
    assert found.silences
    assert where in found.says
    (theirs,) = look("project", tmp_path / "settings.json", content)
    assert not theirs.silences


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.json").mkdir()
    (found,) = findings([("user", tmp_path / "settings.json")], {})
    assert "cannot be read" in found.says


@pytest.mark.parametrize("name", ["HOME", "PATH", "COORDINATION_URL", "XDG_DATA_HOME", "LD_PRELOAD"])
def test_a_repository_that_leads_programs_elsewhere_is_named_and_a_person_may(
    name: str, tmp_path: Path
) -> None:
    content = {"env": {name: "/elsewhere", "EDITOR": "vi"}}
    (found,) = look("project", tmp_path / "settings.json", content)
    assert name in found.says
    assert "EDITOR" not in found.says
    assert not found.silences
    assert look("user", tmp_path / "settings.json", content) == []


def test_a_rule_that_denies_our_tools_is_named(tmp_path: Path) -> None:
    content = {"permissions": {"deny": ["Bash", "mcp__plugin_coord_coordination__claim_file_lock"]}}
    (found,) = look("local", tmp_path / "settings.json", content)
    assert "claim_file_lock" in found.says
    assert not found.silences


@pytest.mark.parametrize(
    ("matcher", "beside"),
    [("Edit|Write", True), ("*", True), (None, True), (".*", True), ("Bash", False), ("(", False)],
)
def test_hooks_of_others_before_edits_are_noticed(matcher: str | None, beside: bool, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    entry = {"matcher": matcher, "hooks": [{"type": "command", "command": "x"}]}
    path.write_text(json.dumps({"hooks": {"PreToolUse": [entry]}}))
    assert claude_settings.beside_ours([("project", path)]) == ([path] if beside else [])
    assert list(findings([("project", path)], {})) == []


def test_variables_of_this_shell_that_start_terminals_without_hooks_are_named() -> None:
    (found,) = findings([], {"CLAUDE_CODE_SIMPLE": "1", "CLAUDE_CODE_SAFE_MODE": "0"})
    assert found.silences
    assert found.mend == "unset CLAUDE_CODE_SIMPLE"


def test_the_files_of_the_person_the_project_and_the_administrator_are_looked_at_once_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, project, managed = tmp_path / "home", tmp_path / "project", tmp_path / "managed"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home))
    there: list[tuple[Kind, Path]] = [
        ("user", home / "settings.json"),
        ("project", project / "below/.claude/settings.json"),
        ("project", project / ".claude/settings.json"),
        ("local", project / ".claude/settings.local.json"),
        ("managed", managed / "managed-settings.json"),
        ("managed", managed / "managed-settings.d/a.json"),
    ]
    (project / ".git").mkdir(parents=True)
    for _, path in there:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert files(project / "below", managed) == there
    assert files(project, managed) == [*there[:1], *there[2:]]
    # Whoever works in their home has one file, not two.
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(project / ".claude"))
    assert [kind for kind, _ in files(project, managed)] == ["user", "local", "managed", "managed"]
