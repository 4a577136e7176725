"""Incident 10 (gastown#3998, #2036): a healthy but quiet agent is declared dead.

Seen with both versions: a terminal that claimed a file over MCP and then thinks, builds or waits for its person for an
hour loses its lease to the clock. The next agent gets the file while the first is in the middle of its work; nobody is
told, and both write.
"""

from __future__ import annotations

import pytest

from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import Desk
from tests.acceptance.incidents.report import WITHOUT, Saw
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import Say
from tests.acceptance.service import Service

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="two real clients start"),
]

FOLDER = "engine"
FILES = {f"{FOLDER}/start.py": "speed = 0\n", f"{FOLDER}/stop.py": "speed = 9\n"}
START, STOP = FILES
HOUR = 3600


def play(desk: Desk, service: Service) -> dict[str, Outcome]:
    """impl_a works on a folder, is quiet for an hour, and goes on; meanwhile impl_b wants the folder."""
    quiet = desk.start(
        "impl_a",
        [
            desk.ask("claim_file_lock", file_paths=[FOLDER], duration_minutes=15),
            desk.read(START),
            desk.read(STOP),
            desk.edit(START, "speed = 0", "speed = 1"),
            desk.edit(STOP, "speed = 9", "speed = 1", name="a:goes on", after="an hour has passed"),
            Say("Done."),
        ],
    )
    desk.model.reached("a:goes on")
    service.age(desk.session, HOUR)
    other = desk.start(
        "impl_b",
        [
            desk.ask("claim_file_lock", file_paths=[FOLDER]),
            desk.read(START),
            desk.edit(START, "speed =", "pace ="),
            Say("Done."),
        ],
    )
    ended = other.wait()
    desk.model.open("an hour has passed")
    return {"impl_a": quiet.wait(), "impl_b": ended}


def test_without_the_plugin_a_quiet_terminal_loses_what_it_works_on(
    connected: Lay, service: Service, saw: Saw
) -> None:
    desk = connected(FILES)
    played = play(desk, service)
    assert played["impl_b"].results[0].content["outcome"] == "granted"
    assert [result.is_error for result in played["impl_a"].results[1:]] == [False] * 4
    assert "impl_b" not in played["impl_a"].results[-1].text
    texts = {name: (desk.folder / name).read_text() for name in FILES}
    assert texts == {START: "pace = 1\n", STOP: "speed = 1\n"}
    saw(
        10,
        WITHOUT,
        "after an hour of quiet another agent got the lock and changed half of what was being changed",
    )
