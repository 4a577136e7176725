"""Incident 1 (ruflo#70, claude-code#61418): two agents edit one file, and the later one wins.

Seen with both versions: Claude Code looks whether a file changed since it was read, but between that look and its write
another terminal can write too. Both edits are then answered "has been updated successfully", the earlier one is gone,
and nobody is told. In this scene the terminal that is later is held in that very moment.
"""

from __future__ import annotations

import pytest

from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import COMMIT, Desk
from tests.acceptance.incidents.interception import FILE, TABLE, catch_writing
from tests.acceptance.incidents.report import WITH, WITHOUT, Saw
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import If, Say

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="two real clients start"),
]


def play(desk: Desk) -> dict[str, Outcome]:
    """impl_b is in the middle of its write when impl_a edits another line of the same file."""
    early = desk.start(
        "impl_a",
        [
            desk.read(FILE, name="a:begins", after="impl_b is writing"),
            desk.edit(FILE, "price = 0\n", "price = 7\n"),
            If(
                "held by",
                desk.read(FILE, name="a:again", after="impl_b is done"),
                Say("Done.", name="a:done"),
            ),
            desk.edit(FILE, "price = 0\n", "price = 7\n"),
            Say("Done."),
        ],
    )
    late = desk.converse("impl_b")
    late.say("Look first.", [desk.read(FILE), Say("I see.")])
    desk.model.reached("a:begins")
    catch_writing(late, desk)
    try:
        desk.model.open("impl_b is writing")
        desk.model.reached_one_of("a:again", "a:done")
    finally:
        late.resume()
    late.say("Commit.", [desk.shell(COMMIT), Say("Committed.")])
    late.leave()
    ended = late.wait()
    desk.model.open("impl_b is done")
    return {"impl_a": early.wait(), "impl_b": ended}


def test_without_the_plugin_the_later_edit_wins_and_both_are_told_that_all_is_well(
    bare: Lay, saw: Saw
) -> None:
    desk = bare({FILE: TABLE})
    played = play(desk)
    edits = [result for outcome in played.values() for result in outcome.results if result.tool == "Edit"]
    assert [result.text for result in edits if "has been updated successfully" not in result.text] == []
    text = (desk.folder / FILE).read_text()
    assert "price = 7\n" not in text
    assert " = 7\n" in text
    saw(1, WITHOUT, "both edits were answered as successful and the earlier one is gone")


def test_with_the_plugin_the_later_agent_waits_its_turn(guarded: Lay, saw: Saw) -> None:
    desk = guarded({FILE: TABLE})
    played = play(desk)
    refused = played["impl_a"].results[1]
    assert refused.is_error
    for words in (f'"{FILE}" is held by', "/impl_b", "for another", "number 1 in line", "wait_seconds"):
        assert words in refused.text
    assert [result.is_error for result in played["impl_a"].results[2:]] == [False, False]
    text = (desk.folder / FILE).read_text()
    assert text.count(" = 7\n") > 1
    assert "price = 7\n" in text
    saw(
        1,
        WITH,
        "the second agent was refused by name and time left until its turn came and both edits are there",
    )
