"""What a real terminal and the service do to each other when one of them dies."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.four_terminals import CLAIM, LEXER, STATUS, USER, holds, waits_for
from tests.acceptance.model_api import PATIENCE_SECONDS, ModelApi
from tests.acceptance.script import Call, Say
from tests.acceptance.service import Service, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="real clients start, and a service starts twice"),
]

Register = Callable[[Service, str], Claude]


@pytest.fixture
def model(tmp_path: Path) -> Generator[ModelApi]:
    with ModelApi(tmp_path / "model.jsonl") as api:
        yield api


@pytest.fixture(params=[NEWER, OLDER])
def register(
    request: pytest.FixtureRequest,
    programs: dict[str, Path],
    repository: Path,
    tmp_path: Path,
    model: ModelApi,
) -> Generator[Register]:
    """Makes each pinned client, registered at a service for a session, and stops its terminals."""
    made: list[Claude] = []

    def register(service: Service, session: str) -> Claude:
        claude = Claude(programs[request.param], tmp_path, clone(repository, tmp_path / "checkout"), model)
        endpoint = service.endpoint("claude", f"{USER}__session__{session}__${{COORD_AGENT:-planner}}")
        claude.run("claude", "mcp", "add", "--transport", "http", "coordination", endpoint)
        made.append(claude)
        return claude

    yield register
    for claude in made:
        claude.stop()


def test_a_terminal_that_dies_while_it_waits_leaves_the_queue(
    register: Register, service: Service, model: ModelApi, request: pytest.FixtureRequest
) -> None:
    session = f"death-{request.node.callspec.id}"
    claude = register(service, session)
    claim = {"file_paths": [LEXER]}
    holder = claude.start(
        "planner", [Call(CLAIM, claim), Say("Done.", name="planner:ends", after="the queue is empty")]
    )
    model.reached("planner:ends")
    waiter = claude.start(
        "impl_a",
        [Call(CLAIM, {**claim, "wait_seconds": 45}), Say("Mine.")],
        environment={"COORD_AGENT": "impl_a"},
    )
    wait_until(lambda: _waits(service, session, "impl_a"), PATIENCE_SECONDS, "impl_a to stand in the queue")
    waiter.stop()
    wait_until(lambda: not _waits(service, session, "impl_a"), PATIENCE_SECONDS, "impl_a to leave the queue")
    view = service.status(session)
    model.open("the queue is empty")
    assert holder.wait().exit_code == 0
    assert holds(view, "planner") == [LEXER]
    assert holds(view, "impl_a") == []


def test_a_terminal_and_its_lock_survive_the_death_of_the_service(
    register: Register, model: ModelApi, tmp_path: Path
) -> None:
    with Service(tmp_path / "service") as service:
        claude = register(service, "restart")
        terminal = claude.start(
            "planner",
            [
                Call(CLAIM, {"file_paths": [LEXER]}),
                Call(STATUS, {}, name="planner:looks", after="the service is back"),
                Call(CLAIM, {"file_paths": [LEXER], "action": "renew"}),
                Say("Still mine."),
            ],
        )
        model.reached("planner:looks")
        service.kill()
        with service:
            assert holds(service.status("restart"), "planner") == [LEXER]
            model.open("the service is back")
            outcome = terminal.wait()
    claimed, looked, renewed = (result.content for result in outcome.results)
    assert [known["locks"] for known in looked["agents"]] == [[LEXER]]
    assert renewed["outcome"] == "renewed"
    assert renewed["locks"][0]["fencing_token"] == claimed["locks"][0]["fencing_token"]


def _waits(service: Service, session: str, name: str) -> bool:
    view = service.status(session)
    return name in {known["name"] for known in view["agents"]} and waits_for(view, name) == [LEXER]
