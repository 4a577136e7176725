"""The resources as the real Claude Code finds and reads them: with its own tools for that, in both eras."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.four_terminals import CLAIM, LEXER, USER
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Call
from tests.acceptance.service import Service, coord

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="real clients start"),
]

SERVER = "coordination"
ADDRESSES = ["coordination://session", "coordination://locks", "coordination://events"]


@pytest.mark.parametrize("version", [NEWER, OLDER])
def test_a_terminal_lists_the_resources_and_reads_what_is_locked(
    version: str, programs: dict[str, Path], repository: Path, service: Service, tmp_path: Path
) -> None:
    checkout = clone(repository, tmp_path / "checkout")
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[version], tmp_path, checkout, model)
        claude.run(coord(), "connect", f"resources-{version}", "--user", USER, environment=service.settings)
        steps = [
            Call(CLAIM, {"file_paths": [LEXER]}),
            Call("ListMcpResourcesTool", {"server": SERVER}),
            Call("ReadMcpResourceTool", {"server": SERVER, "uri": "coordination://locks"}),
            Call("ReadMcpResourceTool", {"server": SERVER, "uri": "coordination://prompt/impl_a"}),
            Call("ReadMcpResourceTool", {"server": SERVER, "uri": "coordination://events?after=x"}),
        ]
        outcome = claude.start("planner", steps).wait()
    assert outcome.exit_code == 0
    claimed, listed, locks, prompt, wrong = outcome.results
    assert claimed.content["outcome"] == "granted"
    assert [found["uri"] for found in json.loads(listed.text)] == ADDRESSES
    (content,) = json.loads(locks.text)["contents"]
    (lock,) = json.loads(content["text"])["locks"]
    assert (lock["path"], lock["agent"]) == (LEXER, f"{USER}/planner")
    assert prompt.is_error
    assert "has no plan yet.\nNext: in a planner's terminal" in prompt.text
    assert wrong.is_error
    assert "must be the number of an event" in wrong.text
