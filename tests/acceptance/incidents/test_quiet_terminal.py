"""Incident 10 (gastown#3998, #2036): a healthy but quiet agent is declared dead.

Seen with both versions: a terminal that claimed a file over MCP and then thinks, builds or waits for its person for an
hour loses its lease to the clock. The next agent gets the file while the first is in the middle of its work; nobody is
told, and both write.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.gate import Machine
from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import Desk
from tests.acceptance.incidents.report import WITH, WITHOUT, Saw
from tests.acceptance.model_api import PATIENCE_SECONDS
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import Json, Say
from tests.acceptance.service import Service, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="two real clients start"),
]

FOLDER = "engine"
FILES = {f"{FOLDER}/start.py": "speed = 0\n", f"{FOLDER}/stop.py": "speed = 9\n"}
START, STOP = FILES
HOUR = 3600
LITTLE = 40
"""Seconds: less than a lease gets when it is renewed, which is done at half of them, and more than a start takes."""

Pass = Callable[[Desk], None]


def at_once(desk: Desk) -> None:
    """Let more than an hour pass."""
    _service(desk).age(desk.session, HOUR + LITTLE)


def renewed_meanwhile(machine: Machine) -> Pass:
    """Let more than an hour pass, with the moment in it in which the lease is renewed.

    The daemon goes by its own clock, which cannot be put forward; it looks at the service's when that was away. So the
    service crashes when the lease is about to end.
    """

    def hour(desk: Desk) -> None:
        service = _service(desk)
        claimed = _lease(desk)
        service.age(desk.session, HOUR - LITTLE)
        machine.crash_service()
        wait_until(
            lambda: _lease(desk)["expires_in_seconds"] > 2 * LITTLE,
            PATIENCE_SECONDS,
            "the lease to be renewed",
        )
        assert _lease(desk)["fencing_token"] == claimed["fencing_token"]
        service.age(desk.session, 2 * LITTLE)

    return hour


def _service(desk: Desk) -> Service:
    assert desk.service is not None, "there is a service where there is a lock"
    return desk.service


def _lease(desk: Desk) -> Json:
    """The lease that was claimed; an edit may have one of its own."""
    agents = _service(desk).status(desk.session)["agents"]
    (lease,) = [one for agent in agents for one in agent["locks"] if one["path"] == FOLDER]
    return lease


def play(desk: Desk, hour: Pass) -> dict[str, Outcome]:
    """impl_a works on a folder, is quiet for an hour, and goes on; meanwhile impl_b wants the folder."""
    quiet = desk.start(
        "impl_a",
        [
            desk.ask("claim_file_lock", file_paths=[FOLDER], duration_minutes=60),
            desk.read(START),
            desk.read(STOP),
            desk.edit(START, "speed = 0", "speed = 1"),
            desk.edit(STOP, "speed = 9", "speed = 1", name="a:goes on", after="an hour has passed"),
            Say("Done."),
        ],
    )
    desk.model.reached("a:goes on")
    hour(desk)
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


def test_without_the_plugin_a_quiet_terminal_loses_what_it_works_on(connected: Lay, saw: Saw) -> None:
    desk = connected(FILES)
    played = play(desk, at_once)
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


def test_with_the_plugin_a_quiet_terminal_keeps_what_it_works_on(
    guarded: Lay, machine: Machine, saw: Saw
) -> None:
    desk = guarded(FILES)
    played = play(desk, renewed_meanwhile(machine))
    claimed, _, refused = played["impl_b"].results
    assert claimed.content["outcome"] == "held"
    assert claimed.content["conflicts"][0]["locked_by"].endswith("/impl_a")
    assert refused.is_error
    assert "/impl_a" in refused.text
    assert [result.is_error for result in played["impl_a"].results] == [False] * 5
    assert {name: (desk.folder / name).read_text() for name in FILES} == dict.fromkeys(FILES, "speed = 1\n")
    saw(10, WITH, "after an hour of quiet the lock was still held and the other agent was told by whom")
