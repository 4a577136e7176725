"""Eight terminals want one file at once: each gets its turn, and every change is there at the end."""

from __future__ import annotations

import pytest

from tests.acceptance.claude import NEWER
from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import COMMIT, Desk
from tests.acceptance.script import If, Say, Step

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(240),
    pytest.mark.slow(reason="eight real clients start"),
]

NAMES = [f"impl_{letter}" for letter in "abcdefgh"]
FILE = "members.py"
MEMBERS = "".join(f"{name} = 0\n" for name in NAMES)


def turns(desk: Desk, name: str) -> list[Step]:
    """Edit one's own line, once it is one's turn, commit, and go."""
    edit = desk.edit(FILE, f"{name} = 0", f"{name} = 1")
    own = desk.edit(FILE, f"{name} = 0", f"{name} = 1", name=f"{name}:edits", after="all are here")
    wait = desk.ask("claim_file_lock", file_paths=[FILE], wait_seconds=45)
    refused = "is held by|waits for it before you|changed since"
    return [
        desk.read(FILE),
        own,
        If(refused, wait, desk.shell(COMMIT)),
        If('"outcome": ?"granted"', desk.read(FILE), Say("Done.")),
        edit,
        desk.shell(COMMIT),
        Say("Done."),
    ]


@pytest.mark.parametrize("version", [NEWER])
def test_eight_terminals_change_one_file_and_nothing_is_lost(guarded: Lay) -> None:
    desk = guarded({FILE: MEMBERS})
    running = {name: desk.start(name, turns(desk, name)) for name in NAMES}
    for name in NAMES:
        desk.model.reached(f"{name}:edits")
    desk.model.open("all are here")
    played = {name: terminal.wait() for name, terminal in running.items()}
    first_edits = [outcome.results[1] for outcome in played.values()]
    assert [result.is_error for result in first_edits].count(False) >= 1
    assert (desk.folder / FILE).read_text() == MEMBERS.replace("= 0", "= 1")
    assert desk.git("show", f"HEAD:{FILE}") == MEMBERS.replace("= 0", "= 1")
