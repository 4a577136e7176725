"""A line from the daemon arrives in a real conversation and wakes it, where that release of Claude Code can."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from coordination.daemon import words
from coordination.daemon.local_agent import TerminalKey
from coordination.daemon.messaging import Mailbox, push
from coordination.repository.terminal import terminal_of
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Say
from tests.acceptance.service import wait_until

pytestmark = [pytest.mark.acceptance, pytest.mark.slow(reason="real clients start")]

SOCKET, TOKEN = "CLAUDE_CODE_MESSAGING_SOCKET", "CLAUDE_CODE_MESSAGING_TOKEN"
# What a hook sees, and which process it is, for a moment in which somebody may look at it.
HOOK = 'env > "$HOME/hook.new"; echo "HOOK_PID=$$" >> "$HOME/hook.new"; mv "$HOME/hook.new" "$HOME/hook"; '
WAIT = 'while [ ! -e "$HOME/seen" ]; do sleep 0.02; done'


def conversation(claude: Claude) -> tuple[dict[str, str], TerminalKey]:
    """Say hello in a new conversation; returns what its hook was told and which terminal the hook is in."""
    entry = {"hooks": [{"type": "command", "command": HOOK + WAIT}]}
    (claude.home / ".claude").mkdir()
    (claude.home / ".claude" / "settings.json").write_text(json.dumps({"hooks": {"SessionStart": [entry]}}))
    terminal = claude.converse("one")
    hook = claude.home / "hook"
    wait_until(hook.exists, 30, "the hook")
    told = dict(line.split("=", 1) for line in hook.read_text().splitlines() if "=" in line)
    found = terminal_of(int(told["HOOK_PID"]), int(told.get("CLAUDE_PID", 0)) or None)
    assert found is not None
    assert found.pid == terminal.pid
    (claude.home / "seen").touch()
    terminal.say("Hello.", [Say("Hello.")])
    return told, TerminalKey(found.pid, found.started)


def test_it_arrives_and_begins_a_turn_of_a_conversation_that_waits(
    programs: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "checkout").mkdir()
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[NEWER], tmp_path, tmp_path / "checkout", model)
        try:
            told, key = conversation(claude)
            stranger = Mailbox(TerminalKey(1, key.started), told[SOCKET], told[TOKEN])
            assert not asyncio.run(push(stranger, "Nobody may read this."))
            assert asyncio.run(push(Mailbox(key, told[SOCKET], told[TOKEN]), words.WAITING))

            def asked() -> list[str]:
                return [json.dumps(request.messages) for request in model.requests("one")]

            wait_until(
                lambda: any("there is news for you" in said for said in asked()), 30, "the model to be asked"
            )
            assert not any("Nobody may read" in said for said in asked())
        finally:
            claude.stop()
        assert model.outside == []


def test_an_older_release_names_no_socket(programs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[OLDER], tmp_path, tmp_path / "checkout", model)
        try:
            told, _ = conversation(claude)
        finally:
            claude.stop()
    assert {SOCKET, TOKEN, "CLAUDE_PID"} & set(told) == set()
