"""The round trip through the installed hooks, against a daemon that answers well, badly, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coordination.cli import plugin_copy
from coordination.cli.gate_round_trip import ASKS, HOLDS, SESSION, DidNotFire, fire
from coordination.cli.plugin_checks import Plugin
from coordination.daemon.hook_call import HookCall
from tests.acceptance.plugin.recording_daemon import Answer, RecordingDaemon


def refusing(reason: str) -> dict[str, Any]:
    deny = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": reason}
    return {"hookSpecificOutput": deny}


def guarding(call: HookCall) -> dict[str, Any]:
    """A daemon that does what it is there for."""
    if call.event == "PreToolUse" and call.facts["COORD_AGENT"] == ASKS:
        return refusing(f'is held by "me/{HOLDS}"')
    return {}


def letting_pass(_: HookCall) -> dict[str, Any]:
    return {}


def refusing_all(_: HookCall) -> dict[str, Any]:
    return refusing("the policy is to block")


def refusing_for_another_reason(call: HookCall) -> dict[str, Any]:
    return refusing("changed since") if call.facts["COORD_AGENT"] == ASKS else {}


def plugin(folder: Path, socket: Path, hooks: str | None = None) -> Plugin:
    pins = {"interpreter": "", "socket": str(socket), "policy": str(folder / "policy"), "coord": "/none"}
    place = plugin_copy.folder(folder)
    plugin_copy.write(place, plugin_copy.render(plugin_copy.source(), pins))
    if hooks is not None:
        (place / plugin_copy.PLUGIN / "hooks/hooks.json").write_text(hooks)
    return Plugin(place / plugin_copy.PLUGIN, (), {})


def test_it_fires_where_the_second_of_two_terminals_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a terminal of the person, whose own session must not be met.
    monkeypatch.setenv("CLAUDE_PID", "1")
    monkeypatch.setenv("CLAUDE_CODE_MESSAGING_SOCKET", "/theirs")
    monkeypatch.setenv("COORD_SESSION", "theirs")
    monkeypatch.setenv("GIT_DIR", "/theirs")
    with RecordingDaemon(guarding) as daemon:
        fired = fire(plugin(tmp_path, daemon.socket), tmp_path)
        heard = list(daemon.heard)
    assert fired.allowed_seconds > 0 < fired.refused_seconds
    assert [(one.call.event, one.call.facts["COORD_AGENT"]) for one in heard] == [
        ("PreToolUse", HOLDS),
        ("PreToolUse", ASKS),
        ("SessionEnd", ASKS),
        ("SessionEnd", HOLDS),
    ]
    assert {one.call.facts["COORD_SESSION"] for one in heard} == {SESSION}
    assert all("CLAUDE_PID" not in one.call.facts for one in heard)
    assert all("CLAUDE_CODE_MESSAGING_SOCKET" not in one.call.facts for one in heard)
    assert len({one.terminal for one in heard}) == 2
    (path,) = {Path(one.call.body["tool_input"]["file_path"]) for one in heard[:2]}
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (letting_pass, "was let pass"),
        (refusing_all, "the file is nobody's, and the hook says.* the policy is to block"),
        (refusing_for_another_reason, "not because the other agent holds it"),
    ],
)
def test_any_other_answer_is_not_taken_for_the_refusal(answer: Answer, word: str, tmp_path: Path) -> None:
    with RecordingDaemon(answer) as daemon, pytest.raises(DidNotFire, match=word):
        fire(plugin(tmp_path, daemon.socket), tmp_path)


def test_without_a_daemon_it_says_what_the_hook_says(tmp_path: Path) -> None:
    with pytest.raises(DidNotFire, match=r"the file is nobody's, .*NOT PROTECTED"):
        fire(plugin(tmp_path, tmp_path / "none" / "socket"), tmp_path)


@pytest.mark.parametrize(
    ("hooks", "word"),
    [
        ("{", "cannot be understood"),
        ('{"hooks": {}}', "cannot be understood"),
        ('{"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": []}]}}', "no hook for PreToolUse"),
    ],
)
def test_hooks_that_are_not_there_are_said_to_be_so(hooks: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(DidNotFire, match=word):
        fire(plugin(tmp_path, tmp_path / "socket", hooks), tmp_path)


@pytest.mark.parametrize(
    ("line", "word"),
    [("exit 1", "ended with 1"), ("echo yes", "printed yes"), ("exec sleep 9", "did not end within 0.2 s")],
)
def test_a_line_that_claude_code_would_take_for_agreement_is_said_to_be_so(
    line: str, word: str, tmp_path: Path
) -> None:
    hook = f'[{{"hooks": [{{"type": "command", "command": "{line}", "timeout": 0.2}}]}}]'
    hooks = f'{{"hooks": {{"PreToolUse": {hook}, "SessionEnd": {hook}}}}}'
    with pytest.raises(DidNotFire, match=word):
        fire(plugin(tmp_path, tmp_path / "socket", hooks), tmp_path)


def test_without_git_it_says_that_it_takes_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DidNotFire, match="git is not on the PATH"):
        fire(plugin(tmp_path, tmp_path / "socket"), tmp_path)
