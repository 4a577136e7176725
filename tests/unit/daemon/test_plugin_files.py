"""The files of the plugin agree with each other, and the hook program is written for the oldest Python we promise."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest

import coordination
from coordination.daemon.hook_event import EDIT_TOOLS, READ_TOOL
from tests.unit.architecture.sources import ROOT

PLUGIN = ROOT / "clients" / "claude_code"
HOOK = PLUGIN / "hooks" / "hook.py"
EVENTS = {
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "SubagentStart",
    "SubagentStop",
    "Stop",
    "PreCompact",
    "SessionEnd",
}
EDITS = "Edit|Write|MultiEdit|NotebookEdit"
BUILT_IN = {"sys", "_signal", "_socket", "posix", "os", "signal", "socket"}
LATE = {"pwd", "hashlib", "json", "os.path", "unicodedata", "select"}
JSON_TEXT = re.compile(r"'(\{\S.*?\})'(?:;|$)")


def read(*parts: str) -> Any:
    return json.loads(PLUGIN.joinpath(*parts).read_text(encoding="utf-8"))


def entries() -> list[tuple[str, str | None, dict[str, Any]]]:
    """Event, matcher and hook of every entry."""
    return [
        (event, entry.get("matcher"), hook)
        for event, of_event in read("hooks", "hooks.json")["hooks"].items()
        for entry in of_event
        for hook in entry["hooks"]
    ]


def reading(arguments: str) -> str:
    """The beginning of a line that reads `run.sh` into its shell."""
    place = 'here="${CLAUDE_PLUGIN_ROOT}/hooks"; '
    return f'{place}set -- {arguments}; [ -r "$here/run.sh" ] && . "$here/run.sh"; '


def test_every_event_has_its_command_and_a_time_limit_above_ours() -> None:
    assert {event for event, _, _ in entries()} == EVENTS
    for event, matcher, hook in entries():
        edit = " edit" if matcher == EDITS else ""
        assert hook["type"] == "command"
        assert hook["command"].startswith(reading(f"{event}{edit}"))
        assert hook["timeout"] == 5


def test_edits_reads_and_our_own_tools_are_announced_before_they_run() -> None:
    matchers = {matcher for event, matcher, _ in entries() if event == "PreToolUse"}
    assert matchers == {EDITS, f"{READ_TOOL}|mcp__plugin_coord_coordination__.*"}
    assert set(EDITS.split("|")) == EDIT_TOOLS
    assert read(".claude-plugin", "plugin.json")["name"] == "coord"
    assert set(read(".mcp.json")["mcpServers"]) == {"coordination"}


def test_what_a_command_says_when_the_plugin_is_gone_is_json_that_names_its_event() -> None:
    for event, matcher, hook in entries():
        said = [json.loads(text) for text in JSON_TEXT.findall(hook["command"])]
        assert len(said) == (
            2 if matcher == EDITS else 1 if event in {"SessionStart", "UserPromptSubmit"} else 0
        )
        assert all(one["hookSpecificOutput"]["hookEventName"] == event for one in said)
        assert said or hook["command"] == reading(event) + "printf '{}\\n'"


def test_the_version_of_the_plugin_is_that_of_the_package() -> None:
    assert read(".claude-plugin", "plugin.json")["version"] == coordination.__version__


def test_the_marketplace_leads_to_the_plugin() -> None:
    market = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text(encoding="utf-8"))
    (plugin,) = market["plugins"]
    assert (market["name"], plugin["name"]) == ("coordination", "coord")
    assert (ROOT / plugin["source"]).resolve() == PLUGIN


def test_no_credential_is_in_the_connection_and_every_tool_is_loaded() -> None:
    server = read(".mcp.json")["mcpServers"]["coordination"]
    assert server["url"] == "http://127.0.0.1:8765/mcp"
    assert server["alwaysLoad"] is True
    assert "headers" not in server
    assert server["headersHelper"] == reading("headers") + "printf '{}\\n'"


def test_the_skill_is_short() -> None:
    text = (PLUGIN / "skills" / "working-with-others" / "SKILL.md").read_text(encoding="utf-8")
    # A token has some four characters of English.
    assert len(text) < 300 * 4.5


@pytest.mark.parametrize("name", ["status", "who", "plan"])
def test_the_commands_say_what_they_are_for(name: str) -> None:
    text = (PLUGIN / "commands" / f"{name}.md").read_text(encoding="utf-8")
    assert re.match(r"---\ndescription: .+\n", text)


def test_the_hook_program_is_python_of_version_3_9() -> None:
    source = HOOK.read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 9))
    with pytest.raises(SyntaxError):
        ast.parse("match 1:\n    case 1: pass\n", feature_version=(3, 9))


def test_the_hook_program_imports_little_and_nothing_heavy_before_it_must() -> None:
    tree = ast.parse(HOOK.read_text(encoding="utf-8"))
    late = {name for node in tree.body if isinstance(node, ast.FunctionDef) for name in imported(node)}
    assert imported(tree) - late <= BUILT_IN
    assert late <= LATE


def imported(tree: ast.AST) -> set[str]:
    """The modules that a part of a program imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found
