"""The plugin in the real Claude Code: every hook fires, says what we build on, and what it answers is obeyed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from coordination.daemon.hook_call import HookCall
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.model_api import ModelApi
from tests.acceptance.plugin.recording_daemon import RecordingDaemon, lead_to, pinned_marketplace
from tests.acceptance.script import Call, Say, Step, prompt
from tests.acceptance.service import Service
from tests.unit.daemon.test_plugin_files import EVENTS

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="real clients start"),
]
VERSIONS = pytest.mark.parametrize("version", [NEWER, OLDER])
STATUS = "mcp__plugin_coord_coordination__check_agent_status"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one file."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / "a.py").write_text("one\n")
    return folder


def equipped(program: Path, tmp_path: Path, checkout: Path, model: ModelApi, plugin: Path) -> Claude:
    """A Claude Code that loads the plugin and asks nobody for permission."""
    claude = Claude(program, tmp_path / "person", checkout, model)
    claude.options = ["--plugin-dir", str(plugin), "--permission-mode", "bypassPermissions"]
    return claude


def editing(checkout: Path) -> list[Step]:
    path = str(checkout / "a.py")
    return [
        Call("Read", {"file_path": path}),
        Call("Edit", {"file_path": path, "old_string": "one", "new_string": "two"}),
        Say("Done.", name="edited"),
    ]


def conversation(model: ModelApi) -> str:
    """Everything that the model was told."""
    return json.dumps([request.messages for request in model.requests()])


SPEAKING = {
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "SubagentStart",
}
"""The events whose context reaches the model."""


def names_event(call: HookCall) -> dict[str, Any]:
    """The answer that puts the name of the event before the model, for events that allow it."""
    if call.event in SPEAKING:
        said = f"CONTEXT-{call.event}."
        return {"hookSpecificOutput": {"hookEventName": call.event, "additionalContext": said}}
    if call.event == "headers":
        return {"x-coordination-terminal": "1-1.00"}
    return {}


@VERSIONS
def test_every_hook_fires_and_says_who_does_what(
    version: str, programs: dict[str, Path], service: Service, tmp_path: Path, checkout: Path
) -> None:
    with RecordingDaemon(names_event) as daemon, ModelApi(tmp_path / "model.jsonl") as model:
        plugin = pinned_marketplace(tmp_path / "market", socket=str(daemon.socket))
        lead_to(plugin, service.endpoint("claude", f"alice__session__hooks-{version}__planner"))
        claude = equipped(programs[version], tmp_path, checkout, model, plugin)
        inner: list[Step] = [
            Call("Write", {"file_path": str(checkout / "b.py"), "content": "b"}),
            Say("Written."),
        ]
        task = {"description": "d", "prompt": prompt("Write.", inner), "subagent_type": "general-purpose"}
        terminal = claude.converse("one", environment={"COORD_AGENT": "impl_z"})
        terminal.say(
            "Go.",
            [
                *editing(checkout)[:-1],
                Call("Bash", {"command": "false"}),
                Call(STATUS, {}),
                Call("Task", task | {"run_in_background": False}),
                Say("Done."),
            ],
        )
        terminal.say("/coord:plan the whole thing", [Say("Planned.")])
        terminal.say("/compact", [Say("Short.")])
        terminal.leave()
        outcome = terminal.wait()

    assert outcome.exit_code == 0
    assert outcome.servers["plugin:coord:coordination"] == "connected"
    assert {heard.call.event for heard in daemon.heard} == EVENTS | {"headers"}
    assert {heard.terminal for heard in daemon.heard} == {terminal.pid}
    assert {call.facts["COORD_AGENT"] for call in daemon.calls("headers") + daemon.calls("Stop")} == {
        "impl_z"
    }
    bodies = [heard.call.body for heard in daemon.heard if heard.call.event != "headers"]
    (session,) = {body["session_id"] for body in bodies}
    assert session
    assert {body["cwd"] for body in bodies} == {str(checkout)}
    assert all(heard.call.body.get("hook_event_name", "") in (heard.call.event, "") for heard in daemon.heard)
    assert [call.body["source"] for call in daemon.calls("SessionStart")] == ["startup", "compact"]
    prompts = [call.body["prompt"] for call in daemon.calls("UserPromptSubmit")]
    assert prompts[1].startswith("/coord:plan the whole thing")
    announced = daemon.calls("PreToolUse")
    assert [call.body["tool_name"] for call in announced] == ["Read", "Edit", STATUS, "Write"]
    read, edit, _, write = announced
    assert read.body["tool_input"]["file_path"] == str(checkout / "a.py")
    assert edit.body["tool_input"]["file_path"] == str(checkout / "a.py")
    assert "agent_id" not in edit.body
    subagent = daemon.calls("SubagentStart")[0].body
    assert write.body["agent_id"] == subagent["agent_id"]
    assert subagent["agent_type"] == "general-purpose"
    stopped = [call.body["agent_id"] for call in daemon.calls("SubagentStop") if call.body["agent_type"]]
    assert stopped == [subagent["agent_id"]]
    failed = daemon.calls("PostToolUseFailure")
    assert [call.body["tool_name"] for call in failed] == ["Bash"]
    after = {call.body["tool_use_id"] for call in daemon.calls("PostToolUse")}
    assert {call.body["tool_use_id"] for call in announced} <= after
    told = conversation(model)
    assert {event for event in EVENTS if f"CONTEXT-{event}." in told} == SPEAKING
    assert set(daemon.delivered) == EVENTS | {"headers"}
    shown = {name.partition(":")[2] for name in outcome.start["slash_commands"] if name.startswith("coord:")}
    assert {"plan", "status", "who"} <= shown


@VERSIONS
def test_an_edit_that_the_daemon_refuses_is_not_made(
    version: str, programs: dict[str, Path], tmp_path: Path, checkout: Path
) -> None:
    def refuse(call: HookCall) -> dict[str, Any]:
        if call.event != "PreToolUse" or call.body["tool_name"] != "Edit":
            return {}
        output = {"permissionDecision": "deny", "permissionDecisionReason": "held by 'impl_b'"}
        return {"hookSpecificOutput": {"hookEventName": "PreToolUse"} | output}

    with RecordingDaemon(refuse) as daemon, ModelApi(tmp_path / "model.jsonl") as model:
        plugin = pinned_marketplace(tmp_path / "market", socket=str(daemon.socket))
        claude = equipped(programs[version], tmp_path, checkout, model, plugin)
        outcome = claude.start("one", editing(checkout)).wait()
    assert (checkout / "a.py").read_text() == "one\n"
    assert "held by 'impl_b'" in outcome.results[1].text


@VERSIONS
@pytest.mark.parametrize("word", ["warn", "block"])
def test_without_a_daemon_edits_go_as_the_person_wants_and_never_silently(
    word: str, version: str, programs: dict[str, Path], tmp_path: Path, checkout: Path
) -> None:
    policy = tmp_path / "policy"
    policy.write_text(f"*.py {word}\n")
    policy.chmod(0o600)
    with ModelApi(tmp_path / "model.jsonl") as model:
        nowhere = {"socket": str(tmp_path / "socket"), "coord": "/bin/true"}
        plugin = pinned_marketplace(tmp_path / "market", policy=str(policy), **nowhere)
        claude = equipped(programs[version], tmp_path, checkout, model, plugin)
        assert claude.start("one", editing(checkout)).wait().exit_code == 0
        model.reached("edited")
        told = conversation(model)
    assert "starting, unprotected" in told
    assert (checkout / "a.py").read_text() == {"warn": "two\n", "block": "one\n"}[word]
    assert {"warn": "NOT PROTECTED", "block": "coordination: refused"}[word] in told


@VERSIONS
def test_the_plugin_is_valid_and_installs_from_its_marketplace(
    version: str, programs: dict[str, Path], tmp_path: Path, checkout: Path
) -> None:
    with RecordingDaemon(names_event) as daemon, ModelApi(tmp_path / "model.jsonl") as model:
        plugin = pinned_marketplace(tmp_path / "market", socket=str(daemon.socket))
        claude = Claude(programs[version], tmp_path / "person", checkout, model)
        for place in (tmp_path / "market", plugin):
            claude.run("claude", "plugin", "validate", "--strict", str(place))
        claude.run("claude", "plugin", "marketplace", "add", str(tmp_path / "market"))
        claude.run("claude", "plugin", "install", "coord@coordination")
        claude.options = ["--permission-mode", "bypassPermissions"]
        outcome = claude.start("one", editing(checkout)).wait()
        assert outcome.exit_code == 0
        assert model.outside == []
    assert (checkout / "a.py").read_text() == "two\n"
    assert [call.body["tool_name"] for call in daemon.calls("PreToolUse")] == ["Read", "Edit"]
    roots = {
        heard.call.facts["CLAUDE_PLUGIN_ROOT"] for heard in daemon.heard if heard.call.event != "headers"
    }
    assert roots == {str(plugin)}
