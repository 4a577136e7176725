"""The real Claude Code, in the era that has a stream for it, has the tools of its role as soon as that changes."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, Claude
from tests.acceptance.four_terminals import LEXER, STATUS, USER
from tests.acceptance.model_api import PATIENCE_SECONDS, ModelApi
from tests.acceptance.planned_session import ANALYSE, IMPLEMENTER_TOOLS, PLANNER_TOOLS
from tests.acceptance.script import Call, Json, Say
from tests.acceptance.service import Service, coord, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="a real client starts"),
]

AGENT = "impl_a"
NOW, NO_LONGER = "just became available and are ready to use", "are no longer available"
"""What the client says to its model of tools that came, and of those that went: they stay in its list."""


def change_role(service: Service, session: str, method: str, called: str | None) -> str:
    """Let the agent take the planner's role, or give it back; return when its terminal has listed its tools anew.

    Sightings are written late, in order: the lists of before are all written when a later call than `called` is.
    Returns when the agent called last.
    """
    wait_until(
        lambda: seen(service, session, "called_at") != called, PATIENCE_SECONDS, "the call to be written"
    )
    listed, last = (seen(service, session, what) for what in ("listed_at", "called_at"))
    url = f"{service.url}/api/v1/sessions/{session}/planner"
    answer = httpx.request(method, url, json={"agent": f"{USER}/{AGENT}"}, trust_env=False, timeout=10)
    assert answer.raise_for_status().json()["changed"]
    wait_until(
        lambda: seen(service, session, "listed_at") != listed,
        PATIENCE_SECONDS,
        "the terminal to list its tools",
    )
    assert last is not None
    return last


def seen(service: Service, session: str, what: str) -> str | None:
    """When the agent last listed its tools, or called one, as the service says."""
    [found] = service.status(session)["agents"]
    at: str | None = found[what]
    return at


def test_the_models_next_request_has_the_tools_of_the_role(
    programs: dict[str, Path], repository: Path, service: Service, tmp_path: Path
) -> None:
    session = "changed-tools"
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[NEWER], tmp_path, clone(repository, tmp_path / "checkout"), model)
        claude.run(coord(), "connect", session, "--user", USER, environment=service.settings)
        steps = [
            Call(STATUS, {}, name="begins"),
            Call(STATUS, {}, name="implementer", after="the role is taken"),
            Call(ANALYSE, {"tasks": [f"Rename a function in {LEXER}"]}, name="planner"),
            Call(STATUS, {}, name="has planned", after="the role is given back"),
            Say("Done.", name="implementer again"),
        ]
        terminal = claude.start(AGENT, steps, environment={"COORD_AGENT": AGENT})
        try:
            model.reached("implementer")
            called = change_role(service, session, "POST", None)
            model.open("the role is taken")
            model.reached("has planned")
            change_role(service, session, "DELETE", called)
            model.open("the role is given back")
            outcome = terminal.wait()
        finally:
            claude.stop()
        assert outcome.exit_code == 0, outcome.errors
        requests = {request.step: request for request in model.requests(AGENT)}
    assert [mine(requests[step].tools) for step in ("begins", "implementer")] == [IMPLEMENTER_TOOLS] * 2
    assert mine(requests["planner"].tools) == PLANNER_TOOLS
    assert NOW in (told := json.dumps(requests["planner"].messages[-1]))
    assert all(tool in told for tool in PLANNER_TOOLS - IMPLEMENTER_TOOLS)
    analysed = outcome.results[2]
    assert (analysed.is_error, len(analysed.content["tasks"])) == (False, 1)
    assert NO_LONGER in (told := json.dumps(requests["implementer again"].messages[-1]))
    assert all(tool in told for tool in PLANNER_TOOLS - IMPLEMENTER_TOOLS)


def mine(tools: list[Json]) -> set[str]:
    """Which of the tools of a request are ours."""
    return {tool["name"] for tool in tools if tool["name"].startswith("mcp__")}
