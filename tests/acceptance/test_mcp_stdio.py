"""`coord mcp-stdio` with the real Claude Code in both versions: tools are seen, called, and waited for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.four_terminals import CLAIM, STATUS, USER, agent, holds
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Call, Say
from tests.acceptance.service import Service, coord, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="real clients start"),
]


@pytest.mark.parametrize("version", [NEWER, OLDER])
def test_two_terminals_over_standard_input_and_output_wait_for_each_other(
    version: str, programs: dict[str, Path], repository: Path, service: Service, tmp_path: Path
) -> None:
    session = f"stdio-{version}"
    checkout = clone(repository, tmp_path / "checkout")
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[version], tmp_path, checkout, model)
        entry = {
            "type": "stdio",
            "command": coord(),
            "args": ["mcp-stdio", "--session", session, "--user", USER],
            "env": service.settings,
        }
        claude.run("claude", "mcp", "add-json", "coordination", json.dumps(entry), "--scope", "local")
        claim = Call(CLAIM, {"file_paths": [str(checkout / "setup.py")]})
        first = claude.start(
            "first",
            [
                claim,
                Call(
                    CLAIM, {"action": "release", "file_paths": []}, name="first claimed", after="second waits"
                ),
                Say("Done."),
            ],
            environment={"COORD_AGENT": "impl_a"},
        )
        model.reached("first claimed")
        second = claude.start(
            "second",
            [
                Call(STATUS, {}),
                Call(CLAIM, {"file_paths": ["setup.py"], "wait_seconds": 45}),
                Say("Mine.", name="second claimed"),
            ],
            environment={"COORD_AGENT": "impl_b"},
        )
        wait_until(lambda: _waits(service, session), 60, "the second terminal to wait")
        model.open("second waits")
        outcomes = [first.wait(), second.wait()]
    assert [outcome.exit_code for outcome in outcomes] == [0, 0]
    (status, claimed) = outcomes[1].results
    assert "impl_a" in status.text
    assert claimed.content["outcome"] == "granted"
    view = service.status(session)
    assert holds(view, "impl_b") == ["setup.py"]
    assert agent(view, "impl_b")["checkout_root"] == str(checkout)
    # Who was heard of from where is written down a little later than what was asked.
    wait_until(
        lambda: agent(service.status(session), "impl_b")["terminals"] == 1, 60, "the terminal to be counted"
    )


def _waits(service: Service, session: str) -> bool:
    agents = service.status(session)["agents"]
    return any(one["waiting"] for one in agents)
