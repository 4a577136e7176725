"""Incident 11 (meshcore-firmware#373): a lease ends early and its holder never knows.

Seen with both versions: a person takes a terminal's lock, or the clock does, and another agent gets it and writes. The
first one goes on to write as before: Claude Code asks nobody, and none of its answers says that the lock is gone.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import Desk
from tests.acceptance.incidents.report import WITH, WITHOUT, Saw
from tests.acceptance.model_api import PATIENCE_SECONDS
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import Say
from tests.acceptance.service import coord, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="two real clients start"),
]

FOLDER = "billing"
FILES = {f"{FOLDER}/rates.py": "rate = 19\n", f"{FOLDER}/tax.py": "tax = 19\n"}
RATES, TAX = FILES
HOUR = 3600


def revoked(desk: Desk) -> None:
    """A person takes the lock."""
    assert desk.service is not None, "there is a service where there is a lock"
    command = [coord(), "revoke", desk.session, FOLDER, "--yes"]
    desk.claude.run(*command, environment=desk.service.settings)


def lapsed(desk: Desk) -> None:
    """The clock takes the lock: nobody renewed it."""
    assert desk.service is not None, "there is a service where there is a lock"
    desk.service.age(desk.session, HOUR)


def play(desk: Desk, end: Callable[[Desk], None]) -> dict[str, Outcome]:
    """impl_a works on a folder that impl_b waits for; its lease ends, impl_b gets it and works; impl_a goes on."""
    first = desk.start(
        "impl_a",
        [
            desk.ask("claim_file_lock", file_paths=[FOLDER], duration_minutes=30),
            desk.read(TAX),
            desk.edit(TAX, "tax = 19", "tax = 7", name="a:goes on", after="impl_b has it"),
            desk.shell("true"),
            Say("Done."),
        ],
    )
    desk.model.reached("a:goes on")
    second = desk.start(
        "impl_b",
        [
            desk.ask("claim_file_lock", file_paths=[FOLDER], wait_seconds=30),
            desk.read(RATES),
            desk.edit(RATES, "rate = 19", "rate = 20"),
            Say("Done.", name="b:ends", after="impl_a went on"),
        ],
    )
    wait_until(lambda: desk.waits("impl_b") == [FOLDER], PATIENCE_SECONDS, "impl_b to stand in the queue")
    end(desk)
    desk.model.reached("b:ends")
    desk.model.open("impl_b has it")
    ended = first.wait()
    desk.model.open("impl_a went on")
    return {"impl_a": ended, "impl_b": second.wait()}


@pytest.mark.parametrize("end", [revoked, lapsed])
def test_without_the_plugin_the_holder_never_knows(
    connected: Lay, end: Callable[[Desk], None], saw: Saw
) -> None:
    desk = connected(FILES)
    played = play(desk, end)
    assert played["impl_b"].results[0].content["outcome"] == "granted"
    edit = played["impl_a"].results[-2]
    assert "has been updated successfully" in edit.text
    assert (desk.folder / TAX).read_text() == "tax = 7\n"
    assert not desk.said_to_model("impl_a", "impl_b")
    saw(11, WITHOUT, "the holder wrote on under a lock that another agent had and was told nothing")


@pytest.mark.parametrize("end", [revoked, lapsed])
def test_with_the_plugin_the_holder_is_told_and_its_writes_are_refused(
    guarded: Lay, end: Callable[[Desk], None], saw: Saw
) -> None:
    desk = guarded(FILES)
    played = play(desk, end)
    assert played["impl_b"].results[0].content["outcome"] == "granted"
    edit = played["impl_a"].results[-2]
    assert edit.is_error
    assert "/impl_b" in edit.text
    assert desk.said_to_model("impl_a", f'you hold "{FOLDER}" no more')
    assert {name: (desk.folder / name).read_text() for name in FILES} == FILES | {RATES: "rate = 20\n"}
    saw(11, WITH, "the holder was told with its next tool call and its later edit was refused")
