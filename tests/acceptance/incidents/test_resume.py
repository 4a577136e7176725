"""A conversation that goes on in a new process is the agent that it was: `claude --resume`."""

from __future__ import annotations

import pytest

from tests.acceptance.claude import ANYTHING, Terminal
from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import Desk
from tests.acceptance.model_api import PATIENCE_SECONDS
from tests.acceptance.script import Say
from tests.acceptance.service import wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="three real clients start"),
]

FILES = {"one.py": "one = 1\n", "two.py": "two = 2\n"}
ONE, TWO = FILES


def speaks(desk: Desk, name: str) -> Terminal:
    """Start a terminal to which nobody gave a name, and have it say something; `name` is for the model's log."""
    terminal = desk.claude.converse(name)
    terminal.say("Hello.", [Say("Hello.")])
    return terminal


def test_a_conversation_that_is_resumed_has_its_name_back_for_edits_and_tools(guarded: Lay) -> None:
    desk = guarded(FILES)
    first, second = speaks(desk, "first"), speaks(desk, "second")
    second.say("Edit.", [desk.read(ONE), desk.edit(ONE, "one = 1", "one = 11"), Say("Done.")])
    assert desk.holds("impl_b") == [ONE]
    conversation: str = second.so_far().start["session_id"]
    for terminal in (second, first):
        terminal.leave()
        terminal.wait()
    wait_until(lambda: desk.holds("impl_b") == [], PATIENCE_SECONDS, "what the second one held to be free")

    # The first free name is another one now.
    desk.claude.options = [*ANYTHING, "--resume", conversation]
    resumed = desk.claude.converse("resumed")
    claim = desk.ask("claim_file_lock", file_paths=[TWO])
    resumed.say("Go on.", [desk.read(ONE), desk.edit(ONE, "one = 11", "one = 111"), claim, Say("Done.")])
    assert sorted(desk.holds("impl_b")) == [ONE, TWO]
    assert desk.holds("impl_a") == []
    resumed.leave()
    resumed.wait()
