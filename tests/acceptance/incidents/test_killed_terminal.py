"""Incident 8 (claude-peers-mcp#81): a killed session stays "alive" and keeps its locks.

Seen with both versions: what a terminal claimed over MCP stays claimed when it is killed, for as long as the claim was
made. Whoever waits is told that it is held, by somebody who will never give it back.
"""

from __future__ import annotations

import pytest

from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import Desk
from tests.acceptance.incidents.report import WITH, WITHOUT, Saw
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


def test_with_the_plugin_what_the_dead_held_is_free_and_those_who_wait_are_woken(
    guarded: Lay, saw: Saw
) -> None:
    desk = guarded({FILE: "on = False\n"})
    answer = play(desk)
    assert answer["outcome"] == "granted"
    assert desk.holds("impl_a") == []
    saw(8, WITH, "the lock was freed when its terminal died and whoever waited got it")


def test_with_the_plugin_a_file_that_the_dead_had_begun_to_change_can_be_edited(guarded: Lay) -> None:
    desk = guarded({FILE: "on = False\n"})
    dead = desk.start(
        "impl_a",
        [desk.read(FILE), desk.edit(FILE, "on = False", "on = 1"), Say("So.", name="a:ends", after="never")],
    )
    desk.model.reached("a:ends")
    assert desk.holds("impl_a") == [FILE]
    dead.stop()
    wait_until(lambda: desk.holds("impl_a") == [], PATIENCE_SECONDS, "what impl_a held to be free")
    heir = desk.start("impl_b", [desk.read(FILE), desk.edit(FILE, "on = 1", "on = True"), Say("Done.")])
    assert [result.is_error for result in heir.wait().results] == [False, False]
    assert (desk.folder / FILE).read_text() == "on = True\n"
