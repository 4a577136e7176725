"""Incident 9 (beads#3570, gascity#1052): two agents claim the same task.

Seen with both versions: two agents read the same open task in a TODO file, each ticks it with `sed`, which is answered
with nothing in both cases, and each writes the module that the task asks for. The later one reads the other's module,
as Claude Code asks it to, and puts its own in its place.
"""

from __future__ import annotations

import pytest

from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import USER, Desk
from tests.acceptance.incidents.report import WITH, WITHOUT, Saw
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import If, Say, Step

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="two real clients start"),
]

TODO = "TODO.md"
FILE = "parser.py"
OPEN = "- [ ] parser\n"
NAMES = ("impl_a", "impl_b")


def tick(desk: Desk, name: str) -> Step:
    """The agent takes the task as people do who have nothing but a file."""
    return desk.shell(
        f"sed -i 's/- \\[ \\] parser/- [x] parser ({name})/' {TODO}",
        name=f"{name}:takes",
        after="both know it",
    )


def play_todo(desk: Desk) -> dict[str, Outcome]:
    """Both read the list, both take the task, and then both work on it, impl_b after impl_a."""
    running = {
        name: desk.start(
            name,
            [
                desk.read(TODO),
                tick(desk, name),
                desk.shell(f"ls {FILE}; true", name=f"{name}:works", after=f"{name}'s turn"),
                desk.read(FILE),
                desk.write(FILE, f"author = '{name}'\n"),
                Say("Done.", name=f"{name}:ends"),
            ],
        )
        for name in NAMES
    }
    for name in NAMES:
        desk.model.reached(f"{name}:takes")
    desk.model.open("both know it")
    for name in NAMES:
        desk.model.reached(f"{name}:works")
    for name in NAMES:
        desk.model.open(f"{name}'s turn")
        desk.model.reached(f"{name}:ends")
    return {name: terminal.wait() for name, terminal in running.items()}


def test_without_the_plugin_both_take_the_task_and_do_it(bare: Lay, saw: Saw) -> None:
    desk = bare({TODO: OPEN})
    played = play_todo(desk)
    ticked = [outcome.results[1] for outcome in played.values()]
    assert [(result.is_error, result.text) for result in ticked] == [(False, ticked[0].text)] * 2
    written = [outcome.results[-1] for outcome in played.values()]
    assert [(result.tool, result.is_error) for result in written] == [("Write", False)] * 2
    assert (desk.folder / FILE).read_text() == "author = 'impl_b'\n"
    saw(
        9,
        WITHOUT,
        "two agents took one task from a TODO file and both did it and the first one's work is gone",
    )


def play_asked(desk: Desk) -> dict[str, Outcome]:
    """Both read the list, both ask for the task at the same time, and who gets it does it."""
    running = {
        name: desk.start(
            name,
            [
                desk.read(TODO),
                desk.ask(
                    "sync_progress",
                    task_id="parser",
                    status="started",
                    name=f"{name}:takes",
                    after="both know it",
                ),
                If("task_taken", Say("Then something else."), desk.write(FILE, f"author = '{name}'\n")),
                Say("Done."),
            ],
        )
        for name in NAMES
    }
    for name in NAMES:
        desk.model.reached(f"{name}:takes")
    desk.model.open("both know it")
    return {name: terminal.wait() for name, terminal in running.items()}


def test_with_the_plugin_one_gets_the_task_and_the_other_is_told_who(guarded: Lay, saw: Saw) -> None:
    desk = guarded({TODO: OPEN})
    played = play_asked(desk)
    (winner,) = [name for name in NAMES if len(played[name].results) > 2]
    (loser,) = set(NAMES) - {winner}
    refused = played[loser].results[-1]
    assert "task_taken" in refused.text
    assert f"{USER}/{winner}" in refused.text
    assert (desk.folder / FILE).read_text() == f"author = '{winner}'\n"
    saw(9, WITH, "one agent got the task and the other was told who has it")
