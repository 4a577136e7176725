"""`coord connect` at a hosted service with the real Claude Code: its terminals come in with the token of the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.four_terminals import CLAIM, LEXER
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Call
from tests.acceptance.service import Service, coord

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="real clients start"),
]

BOOTSTRAP = "a bootstrap token of at least 32 characters"


class HostedService(Service):
    """A hosted service on a database of its own."""

    def __init__(self, folder: Path, dsn: str) -> None:
        super().__init__(folder)
        self.settings |= {
            "COORDINATION_MODE": "hosted",
            "DATABASE_URL": dsn,
            "COORDINATION_BOOTSTRAP_TOKEN": BOOTSTRAP,
        }


@pytest.mark.parametrize("version", [NEWER, OLDER])
def test_terminals_come_in_with_a_token_that_no_configuration_holds(
    version: str, programs: dict[str, Path], repository: Path, dsn: str, tmp_path: Path
) -> None:
    checkout = clone(repository, tmp_path / "checkout")
    with (
        ModelApi(tmp_path / "model.jsonl") as model,
        HostedService(tmp_path / "service", dsn) as service,
    ):
        claude = Claude(programs[version], tmp_path, checkout, model)
        secret = {"COORDINATION_BOOTSTRAP_TOKEN": BOOTSTRAP}
        claude.run(coord(), "login", service.url, "--bootstrap", "--user", "alice", environment=secret)
        assert "is connected to session demo" in claude.run(coord(), "connect", "demo")
        claim = [Call(CLAIM, {"file_paths": [str(checkout / LEXER)]})]
        first = claude.start("first", claim).wait()
        other = claude.start("other", claim, environment={"COORD_AGENT": "impl_a"}).wait()
        status = json.loads(claude.run(coord(), "status", "demo", "--all", "--json"))
        doctor = json.loads(claude.run(coord(), "doctor", "--json"))
        kept = [json.loads(file.read_text()) for file in claude.home.rglob("terminals/*.json")]
        configuration = (claude.home / ".claude.json").read_text()
        claude.run(coord(), "connect", "--remove")
        refused = claude.run(coord(), "token", "list", "--json")

    assert (first.exit_code, other.exit_code) == (0, 0)
    agents = {agent["agent_id"]: agent for agent in status["agents"]}
    assert sorted(agents) == ["alice/impl_a", "alice/planner"]
    assert [lock["path"] for lock in agents["alice/planner"]["locks"]] == [LEXER]
    assert agents["alice/impl_a"]["locks"] == []
    assert agents["alice/planner"]["checkout_root"] == str(checkout)
    assert doctor["well"]
    [token] = kept
    assert token["secret"] not in configuration
    assert token["token_id"] not in refused
