"""Incident 8 (claude-peers-mcp#81): a killed session stays "alive" and keeps its locks.

Seen with both versions: what a terminal claimed over MCP stays claimed when it is killed, for as long as the claim was
made. Whoever waits is told that it is held, by somebody who will never give it back.
"""

from __future__ import annotations

import pytest

from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import Desk
from tests.acceptance.incidents.report import WITHOUT, Saw
from tests.acceptance.model_api import PATIENCE_SECONDS
from tests.acceptance.script import Json, Say
from tests.acceptance.service import wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="two real clients start, and one waits for a lock that does not come"),
]

FILE = "engine.py"
WAIT_SECONDS = 7
"""How long impl_b waits, from before the death on: the five seconds in which a dead terminal's locks are freed, and two
for what comes before and after them."""


def play(desk: Desk) -> Json:
    """impl_a claims for an hour and is killed while impl_b waits; return what impl_b's wait was answered."""
    holder = desk.start(
        "impl_a",
        [
            desk.ask("claim_file_lock", file_paths=[FILE], duration_minutes=60),
            Say("Mine.", name="a:ends", after="it is killed instead"),
        ],
    )
    desk.model.reached("a:ends")
    waiter = desk.start(
        "impl_b", [desk.ask("claim_file_lock", file_paths=[FILE], wait_seconds=WAIT_SECONDS), Say("So.")]
    )
    wait_until(lambda: desk.waits("impl_b") == [FILE], PATIENCE_SECONDS, "impl_b to stand in the queue")
    holder.stop()
    return waiter.wait().results[-1].content


def test_without_the_plugin_the_dead_keep_what_they_held(connected: Lay, saw: Saw) -> None:
    desk = connected({FILE: "on = False\n"})
    answer = play(desk)
    assert answer["outcome"] == "held"
    assert answer["conflicts"][0]["locked_by"].endswith("/impl_a")
    assert desk.holds("impl_a") == [FILE]
    saw(8, WITHOUT, "a killed terminal still holds its lock and whoever waits does so in vain")
