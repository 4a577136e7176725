"""The real Claude Code, in both pinned versions, with a token against a hosted service."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordination.domain.visibility import IMPLEMENTER_TOOLS
from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.hosted import OWNER, HostedService
from tests.acceptance.model_api import ModelApi
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import Call, Say, Step
from tests.conftest import administer, in_database

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(300),
    pytest.mark.slow(reason="real clients are installed and started"),
]
CLAIM = "mcp__coordination__claim_file_lock"
LOOK = "mcp__coordination__check_agent_status"
TOOLS = {f"mcp__coordination__{name}" for name in IMPLEMENTER_TOOLS}
SESSION = "hosted"


@pytest.fixture(scope="module")
def service(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[HostedService]:
    asyncio.run(administer(server_dsn, "CREATE DATABASE hosted_claude"))
    with HostedService(
        tmp_path_factory.mktemp("hosted"), in_database(server_dsn, "hosted_claude")
    ) as running:
        running.bootstrap()
        yield running


@dataclass
class Desk:
    """A developer's home with one version of Claude Code, and the model that it talks to."""

    claude: Claude
    model: ModelApi
    service: HostedService

    def connect(self, secret: str | None, agent: str) -> None:
        """Register the service, by hand, with a token as header or without."""
        self.claude.run("claude", "mcp", "remove", "coordination") if self._connected() else None
        endpoint = self.service.endpoint("claude", f"{OWNER}__session__{SESSION}__{agent}")
        header = [] if secret is None else ["--header", f"Authorization: Bearer {secret}"]
        self.claude.run("claude", "mcp", "add", "--transport", "http", "coordination", endpoint, *header)

    def _connected(self) -> bool:
        return '"coordination"' in (self.claude.home / ".claude.json").read_text()

    def play(self, name: str, *steps: Step) -> Outcome:
        """Let a terminal play steps, to its end."""
        return self.claude.start(name, steps).wait()


@pytest.fixture(params=[NEWER, OLDER])
def desk(
    request: pytest.FixtureRequest,
    programs: dict[str, Path],
    repository: Path,
    service: HostedService,
    tmp_path: Path,
) -> Generator[Desk]:
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[request.param], tmp_path, clone(repository, tmp_path / "checkout"), model)
        try:
            yield Desk(claude, model, service)
        finally:
            claude.stop()
        assert model.outside == []


def test_with_its_token_an_agent_sees_and_calls_the_tools(desk: Desk) -> None:
    desk.connect(desk.service.token(session=SESSION, agent="impl_a")["secret"], "impl_a")
    path = f"{desk.claude.home.parent.name}.py"
    outcome = desk.play("with", Call(CLAIM, {"file_paths": [path]}), Say("done"))
    assert outcome.servers == {"coordination": "connected"}
    assert set(outcome.start["tools"]) >= TOOLS
    (claimed,) = outcome.results
    assert not claimed.is_error, claimed.text
    locks = desk.service.ask(desk.service.owner, "GET", f"/sessions/{SESSION}/locks")["locks"]
    assert path in {lock["path"] for lock in locks}


@pytest.mark.parametrize("whose", ["nobody's", "another agent's", "another session's", "unknown"])
def test_without_its_token_an_agent_sees_no_tool(desk: Desk, whose: str) -> None:
    secrets: dict[str, str | None] = {
        "nobody's": None,
        "another agent's": desk.service.token(session=SESSION, agent="impl_b")["secret"],
        "another session's": desk.service.token(session="elsewhere", agent="impl_a")["secret"],
        "unknown": "coord_" + "a" * 43,
    }
    desk.connect(secrets[whose], "impl_a")
    outcome = desk.play("without", Say("done"))
    assert outcome.servers["coordination"] != "connected"
    assert not any(tool.startswith(tuple(TOOLS)) for tool in outcome.start["tools"])


def test_a_token_that_is_revoked_in_the_middle_works_no_more(desk: Desk) -> None:
    made = desk.service.token(session=SESSION, agent="impl_a")
    desk.connect(made["secret"], "impl_a")
    terminal = desk.claude.start(
        "revoked",
        [Call(LOOK, {}), Call(CLAIM, {"file_paths": ["late.py"]}, name="late", after="revoked"), Say("done")],
    )
    desk.model.reached("late")
    desk.service.ask(desk.service.owner, "DELETE", f"/tokens/{made['token']['id']}")
    desk.model.open("revoked")
    looked, *late = terminal.wait().results
    assert not looked.is_error, looked.text
    assert all(one.is_error for one in late)
    locks = desk.service.ask(desk.service.owner, "GET", f"/sessions/{SESSION}/locks")["locks"]
    assert "late.py" not in {lock["path"] for lock in locks}
