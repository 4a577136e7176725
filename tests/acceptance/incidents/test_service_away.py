"""Incident 12 (vibe-kanban#2952, mcp_agent_mail_rust#94): the service is down while all seems well.

Seen with both versions: the service ends while terminals work, and they write on. Nothing is said to a model that asks
for nothing, nor to its person, and the edits of two agents meet in one file as if there were no service at all.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import USER, Desk
from tests.acceptance.incidents.report import WITHOUT, Saw
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import Say
from tests.acceptance.service import Service, coord

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="a service and two real clients start"),
]

FILE = "engine.py"
SESSION = "away"


@pytest.fixture(scope="module")
def own_service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Service]:
    """A service to kill, started again where it is dead."""
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


def play(desk: Desk, service: Service) -> dict[str, Outcome]:
    """Two terminals are there when the service is killed; then impl_a edits, and impl_b the same line."""
    running = {
        name: desk.start(
            name,
            [
                desk.read(FILE, name=f"{name}:begins"),
                desk.read(FILE, name=f"{name}:reads", after=f"{name} goes on"),
                desk.edit(FILE, old, new),
                Say("Done.", name=f"{name}:ends", after="both are done"),
            ],
        )
        for name, old, new in (("impl_a", "speed = 0", "speed = 1"), ("impl_b", "speed = 1", "speed = 2"))
    }
    for name in running:
        desk.model.reached(f"{name}:reads")
    service.kill()
    try:
        for name in running:
            desk.model.open(f"{name} goes on")
            desk.model.reached(f"{name}:ends")
        desk.model.open("both are done")
        return {name: terminal.wait() for name, terminal in running.items()}
    finally:
        service.__enter__()


def test_without_the_plugin_work_goes_on_and_nobody_says_a_word(
    bare: Lay, own_service: Service, saw: Saw
) -> None:
    desk = bare({FILE: "speed = 0\n"})
    desk.claude.run(coord(), "connect", SESSION, "--user", USER, environment=own_service.settings)
    played = play(desk, own_service)
    for name, outcome in played.items():
        assert outcome.servers == {"coordination": "connected"}
        assert "has been updated successfully" in outcome.results[-1].text
        assert outcome.errors == ""
        for word in ("unreachable", "disconnected", "ECONNREFUSED", "not protected"):
            assert not desk.said_to_model(name, word)
    assert (desk.folder / FILE).read_text() == "speed = 2\n"
    saw(
        12,
        WITHOUT,
        "two agents wrote one file while the service was dead and neither they nor the person were told",
    )
