"""What is held through the sleep of a terminal, and through the death of the daemon or the service in mid-edit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.claude import NEWER, Terminal
from tests.acceptance.gate import Machine
from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import Desk
from tests.acceptance.incidents.interception import FILE, TABLE, catch_writing
from tests.acceptance.model_api import PATIENCE_SECONDS
from tests.acceptance.outcome import ToolResult
from tests.acceptance.script import Say
from tests.acceptance.service import wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="two real clients start, and a service"),
    pytest.mark.parametrize("version", [NEWER]),
]

EDITED = "has been updated successfully"


def writing(desk: Desk) -> Terminal:
    """Return impl_a, which stands still in the middle of a write."""
    terminal = desk.converse("impl_a")
    terminal.say("Look first.", [desk.read(FILE), Say("I see.")])
    catch_writing(terminal, desk)
    return terminal


def edit_of_another(desk: Desk, name: str = "impl_b") -> ToolResult:
    """Return what the edit of another terminal is answered."""
    other = desk.start(name, [desk.read(FILE), desk.edit(FILE, "price = 0\n", "price = 7\n"), Say("So.")])
    return other.wait().results[-1]


def finish(terminal: Terminal) -> None:
    """Let a terminal go on to the end of its turn, and be there still."""
    before = terminal.turns
    terminal.resume()
    wait_until(lambda: terminal.turns > before, PATIENCE_SECONDS, "the turn to end")


def test_a_terminal_that_sleeps_keeps_what_it_writes(guarded: Lay) -> None:
    desk = guarded({FILE: TABLE})
    asleep = writing(desk)
    refused = edit_of_another(desk)
    assert refused.is_error
    assert f'"{FILE}" is held by' in refused.text
    finish(asleep)
    text = (desk.folder / FILE).read_text()
    assert " = 7\n" in text
    assert "price = 0\n" in text
    asleep.leave()
    asleep.wait()
    assert EDITED in edit_of_another(desk, "impl_c").text


def die_and_come_back(machine: Machine) -> None:
    """The daemon crashes and is started again."""
    machine.daemon.kill()
    machine.daemon.__enter__()


def service_dies_and_comes_back(machine: Machine) -> None:
    """The service crashes and is started again."""
    machine.crash_service()


@pytest.mark.parametrize("crash", [die_and_come_back, service_dies_and_comes_back])
def test_what_is_being_written_is_held_through_a_crash(
    guarded: Lay, machine: Machine, crash: Callable[[Machine], None]
) -> None:
    desk = guarded({FILE: TABLE})
    busy = writing(desk)
    crash(machine)
    refused = edit_of_another(desk)
    assert refused.is_error
    assert "/impl_a" in refused.text
    finish(busy)
    busy.say("Once more.", [desk.read(FILE), desk.edit(FILE, "price = 0\n", "price = 9\n"), Say("Done.")])
    busy.leave()
    assert EDITED in busy.wait().results[-1].text
    text = (desk.folder / FILE).read_text()
    assert " = 7\n" in text
    assert "price = 9\n" in text
