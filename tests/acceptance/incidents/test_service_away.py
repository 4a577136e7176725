"""Incident 12 (vibe-kanban#2952, mcp_agent_mail_rust#94): the service is down while all seems well.

Seen with both versions: the service ends while terminals work, and they write on. Nothing is said to a model that asks
for nothing, nor to its person, and the edits of two agents meet in one file as if there were no service at all.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.gate import Machine
from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import USER, Desk
from tests.acceptance.incidents.report import WITH, WITHOUT, Saw
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import Say
from tests.acceptance.service import Service, coord

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="a service and two real clients start"),
]

FILE, VAULT = "engine.py", "vault/keys.py"
FILES = {FILE: "speed = 0\n", VAULT: "speed = 0\n"}
SESSION = "away"
POLICY = "* warn\n**/vault/** block\n"
EDITED = "has been updated successfully"


@pytest.fixture(scope="module")
def own_service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service to start and to kill."""
    return Service(tmp_path_factory.mktemp("service"))


def play(desk: Desk, away: Callable[[], None]) -> dict[str, Outcome]:
    """Two terminals are there when the service goes away; then impl_a edits two files, and impl_b the same lines."""
    running = {
        name: desk.start(
            name,
            [
                desk.read(FILE),
                desk.read(FILE, name=f"{name}:reads", after=f"{name} goes on"),
                desk.read(VAULT),
                desk.edit(FILE, old, new),
                desk.write(VAULT, f"{new}\n"),
                Say("Done.", name=f"{name}:ends", after="both are done"),
            ],
        )
        for name, old, new in (("impl_a", "speed = 0", "speed = 1"), ("impl_b", "speed = 1", "speed = 2"))
    }
    for name in running:
        desk.model.reached(f"{name}:reads")
    away()
    for name in running:
        desk.model.open(f"{name} goes on")
        desk.model.reached(f"{name}:ends")
    desk.model.open("both are done")
    return {name: terminal.wait() for name, terminal in running.items()}


def test_without_the_plugin_work_goes_on_and_nobody_says_a_word(
    bare: Lay, own_service: Service, saw: Saw
) -> None:
    desk = bare(FILES)
    with own_service:
        desk.claude.run(coord(), "connect", SESSION, "--user", USER, environment=own_service.settings)
        played = play(desk, own_service.kill)
    for name, outcome in played.items():
        assert outcome.servers == {"coordination": "connected"}
        assert [EDITED in result.text for result in outcome.results[-2:]] == [True, True]
        assert outcome.errors == ""
        for word in ("unreachable", "disconnected", "ECONNREFUSED", "not protected"):
            assert not desk.said_to_model(name, word)
    assert {name: (desk.folder / name).read_text() for name in FILES} == dict.fromkeys(FILES, "speed = 2\n")
    saw(
        12,
        WITHOUT,
        "two agents wrote one file while the service was dead and neither they nor the person were told",
    )


@pytest.mark.parametrize("frozen", ["service", "daemon"])
def test_with_the_plugin_each_edit_is_warned_of_or_refused(
    guarded: Lay, machine: Machine, frozen: str, saw: Saw
) -> None:
    desk = guarded(FILES)
    with machine.policy(POLICY), machine.frozen(frozen) as freeze:
        played = play(desk, freeze)
    for name, outcome in played.items():
        warned, refused = outcome.results[-2:]
        assert refused.is_error
        assert "coordination: " in refused.text
        assert desk.said_to_model(name, "PROTECTED. ")
        if name == "impl_a":
            assert EDITED in warned.text
    assert desk.persons_told("PROTECTED. ") == len(played)
    assert (desk.folder / VAULT).read_text() == "speed = 0\n"
    saw(
        12,
        WITH,
        f"with the {frozen} frozen each edit was warned of to agent and person or refused as the policy says",
    )
