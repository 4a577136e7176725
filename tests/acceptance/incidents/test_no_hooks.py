"""A repository's settings switch hooks off, which no hook can say: the tools do, and the daemon."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.gate import Machine
from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.model_api import PATIENCE_SECONDS
from tests.acceptance.script import Say
from tests.acceptance.service import wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="a real client starts"),
]

FILE = "price.py"


def test_a_terminal_whose_hooks_are_switched_off_is_told_with_the_results_of_tools(
    guarded: Lay, machine: Machine
) -> None:
    desk = guarded({FILE: "price = 1\n", ".claude/settings.json": json.dumps({"disableAllHooks": True})})
    terminal = desk.start(
        "impl_a",
        [
            desk.ask("check_agent_status", name="a:asks", after="it was noticed"),
            desk.read(FILE),
            desk.edit(FILE, "price = 1", "price = 2"),
            Say("Done."),
        ],
    )
    desk.model.reached("a:asks")

    def is_noticed() -> bool:
        return [str(desk.folder)] == [one["folder"] for one in machine.daemon_status()["unprotected"]]

    wait_until(is_noticed, PATIENCE_SECONDS, "the daemon to miss the hooks")
    desk.model.open("it was noticed")
    outcome = terminal.wait()
    # By which a person would ask.
    assert "coord:who" in outcome.start["slash_commands"]
    asked, _, edited = outcome.results
    assert "NOT PROTECTED: no hook of this terminal has come" in asked.text
    # What the docs say of it: nothing can stop the edit.
    assert not edited.is_error
