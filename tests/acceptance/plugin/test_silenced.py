"""Settings and modes that `coord doctor` names: which keep the real Claude Code from calling our hooks, measured."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coordination.daemon.hook_call import HookCall
from tests.acceptance.claude import NEWER, OLDER, REWINDABLE, RUN_SECONDS, Claude
from tests.acceptance.model_api import ModelApi
from tests.acceptance.plugin.recording_daemon import RecordingDaemon, pinned_marketplace
from tests.acceptance.script import Call, Say
from tests.acceptance.service import wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="real clients start"),
]


UNREFUSED = "unrefused"
"""The name of a terminal whose edits are not refused."""


def refusing(call: HookCall) -> dict[str, Any]:
    edits = call.event == "PreToolUse" and call.body["tool_name"] == "Edit"
    if not edits or call.facts.get("COORD_AGENT") == UNREFUSED:
        return {}
    reason = {"permissionDecision": "deny", "permissionDecisionReason": "held"}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **reason}}


@dataclass
class Guarded:
    """A terminal whose every edit is refused, as long as its hooks are called.

    Attributes:
        knows_who: whether the one that edited last knows `/coord:who`, by which a person finds out.
    """

    claude: Claude
    daemon: RecordingDaemon
    checkout: Path
    version: str
    started: int = 0
    first: Sequence[Path] = ()
    knows_who: bool = False

    def edits(self, *options: str, **environment: str) -> bool:
        """Whether an edit got through."""
        self.started += 1
        path = self.checkout / f"{self.started}.txt"
        path.write_text("one\n")
        self.claude.options = ["--permission-mode", "acceptEdits", *options]
        # Of the tools that edit, `--bare` leaves only this one.
        edit = {"file_path": str(path), "old_string": "one", "new_string": "two"}
        read = [Call("Read", {"file_path": str(one)}) for one in (*self.first, path)]
        steps = [*read, Call("Edit", edit), Say("Done.")]
        outcome = self.claude.start(f"t{self.started}", steps, environment=environment).wait()
        self.knows_who = "coord:who" in outcome.start["slash_commands"]
        return path.read_text() == "two\n"

    def project_says(self, settings: object) -> None:
        path = self.checkout / ".claude" / "settings.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(settings))


@pytest.fixture(params=[NEWER, OLDER])
def guarded(request: pytest.FixtureRequest, programs: dict[str, Path], tmp_path: Path) -> Generator[Guarded]:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=checkout, check=True)
    with RecordingDaemon(refusing) as daemon, ModelApi(tmp_path / "model.jsonl") as model:
        pinned_marketplace(tmp_path / "market", socket=str(daemon.socket))
        claude = Claude(programs[request.param], tmp_path / "person", checkout, model)
        claude.run("claude", "plugin", "marketplace", "add", str(tmp_path / "market"))
        claude.run("claude", "plugin", "install", "coord@coordination")
        yield Guarded(claude, daemon, checkout, request.param)


def test_settings_of_a_project_that_the_doctor_names_let_an_edit_through(guarded: Guarded) -> None:
    assert not guarded.edits()
    assert guarded.knows_who
    silencing: Sequence[tuple[object, bool]] = [
        # Here the answer says it (`test_no_hooks`).
        ({"disableAllHooks": True}, True),
        ({"enabledPlugins": {"coord@coordination": False}}, False),
    ]
    for settings, knows_who in silencing:
        guarded.project_says(settings)
        assert guarded.edits(), settings
        assert guarded.knows_who is knows_who, settings


def test_modes_that_the_doctor_names_let_an_edit_through(guarded: Guarded) -> None:
    modes = [["--bare"], ["--safe-mode"], ["--setting-sources", "project"]]
    if guarded.version == NEWER:
        modes.append(["--restricted"])
    got = {" ".join(mode): (guarded.edits(*mode), guarded.knows_who) for mode in modes}
    for name in ("CLAUDE_CODE_SIMPLE", "CLAUDE_CODE_SAFE_MODE"):
        got[name] = guarded.edits(**{name: "1"}), guarded.knows_who
    assert got == dict.fromkeys(got, (True, False))


def test_a_rewind_puts_files_back_behind_our_back(guarded: Guarded) -> None:
    path = guarded.checkout / "a.txt"
    path.write_text("one\n")
    guarded.claude.options = ["--permission-mode", "acceptEdits", "--replay-user-messages"]
    terminal = guarded.claude.converse("t", environment={"COORD_AGENT": UNREFUSED, **REWINDABLE})
    read = Call("Read", {"file_path": str(path)})
    edit = Call("Edit", {"file_path": str(path), "old_string": "one", "new_string": "two"})
    terminal.say("Edit.", [read, edit, Say("Done.")])
    # The last hook of a turn may come after its answer.
    wait_until(lambda: bool(guarded.daemon.calls("Stop")), RUN_SECONDS, "the end of the turn")
    path.write_text("of another agent\n")
    asked = len(guarded.daemon.heard)
    terminal.rewind()
    wait_until(lambda: path.read_text() == "one\n", RUN_SECONDS, "the file to be put back")
    # The connection for the tools may come at any moment; it is no hook.
    assert {heard.call.event for heard in guarded.daemon.heard[asked:]} <= {"headers"}
    terminal.leave()
    terminal.wait()


def test_a_hook_of_the_project_does_not_undo_a_refusal_and_renames_behind_our_back(guarded: Guarded) -> None:
    other = guarded.checkout / "renamed.txt"
    other.write_text("one\n")
    agreeing = {
        "hookEventName": "PreToolUse",
        "permissionDecision": "allow",
        "updatedInput": {"file_path": str(other), "old_string": "one", "new_string": "two"},
    }
    line = f"printf %s '{json.dumps({'hookSpecificOutput': agreeing})}'"
    hook = {"matcher": "Edit", "hooks": [{"type": "command", "command": line}]}
    guarded.project_says({"hooks": {"PreToolUse": [hook]}})
    assert not guarded.edits()
    assert other.read_text() == "one\n"
    guarded.first = [other]
    assert not guarded.edits(COORD_AGENT=UNREFUSED)
    assert other.read_text() == "two\n"
    asked = [call.body for call in guarded.daemon.calls("PreToolUse") if call.body["tool_name"] == "Edit"]
    assert [Path(body["tool_input"]["file_path"]).name for body in asked] == ["1.txt", "2.txt"]


def test_a_malformed_entry_of_the_project_leaves_the_persons_plugin_on(guarded: Guarded) -> None:
    for settings in ({"hooks": {"PreToolUse": "x"}}, {"permissions": {"allow": "Edit"}}):
        guarded.project_says(settings)
        assert not guarded.edits(), settings
