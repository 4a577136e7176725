"""Four real terminals in one checkout, with one home folder and one registration, through the real service.

The scene is `four_terminals.py`; it is played once for each way in which a client may speak, and each test is
one sentence about what was seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from coordination.transport.mcp.tools import INSTRUCTIONS
from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.four_terminals import (
    CLAIM,
    FORMATTER,
    LEXER,
    NEWS,
    REASON,
    SCENE,
    STATUS,
    SYNC,
    USER,
    Played,
    agent,
    holds,
    play,
    waits_for,
)
from tests.acceptance.model_api import ModelApi
from tests.acceptance.plain_client import LEGACY, MODERN
from tests.acceptance.service import Service, coord

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="the first test of each way to speak plays the whole scene with real clients"),
]


@dataclass(frozen=True)
class Speech:
    """One way in which clients speak: their version, what is set, and who registered the service."""

    name: str
    version: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    by_hand: bool = False


SEARCHING = {"ENABLE_TOOL_SEARCH": "true"}
SPEECHES = [
    Speech("newer", NEWER),
    Speech("older", OLDER),
    Speech("newer-in-the-older-era", NEWER, {"MCP_PROTOCOL_NEGOTIATION": "legacy"}, by_hand=True),
    # By hand, because `coord connect` asks for the tools to be loaded, and here the service has to.
    Speech("newer-searching", NEWER, SEARCHING, by_hand=True),
    Speech("older-searching", OLDER, SEARCHING, by_hand=True),
]


@pytest.fixture(scope="module", params=SPEECHES, ids=lambda speech: speech.name)
def speech(request: pytest.FixtureRequest) -> Speech:
    """Each way to speak in turn."""
    chosen: Speech = request.param
    return chosen


@pytest.fixture(scope="module")
def played(
    speech: Speech,
    programs: dict[str, Path],
    repository: Path,
    service: Service,
    tmp_path_factory: pytest.TempPathFactory,
) -> Played:
    """The scene as it went for this way to speak."""
    folder = tmp_path_factory.mktemp(speech.name)
    session = f"demo-{speech.name}"
    with ModelApi(folder / "model.jsonl") as model:
        claude = Claude(programs[speech.version], folder, clone(repository, folder / "checkout"), model)
        if speech.by_hand:
            endpoint = service.endpoint("claude", f"{USER}__session__{session}__${{COORD_AGENT:-planner}}")
            claude.run("claude", "mcp", "add", "--transport", "http", "coordination", endpoint)
        else:
            claude.run(coord(), "connect", session, "--user", USER, environment=service.settings)
        return play(claude, model, service, session, environment=speech.environment)


def test_every_terminal_connects_and_ends_well(played: Played) -> None:
    for outcome in played.outcomes.values():
        assert outcome.exit_code == 0, outcome.errors
        assert outcome.servers == {"coordination": "connected"}
    assert [
        result for outcome in played.outcomes.values() for result in outcome.results if result.is_error
    ] == []


def test_nothing_but_loopback_is_contacted(played: Played) -> None:
    assert played.model.outside == []


def test_one_registration_makes_four_agents(played: Played) -> None:
    assert {known["agent_id"] for known in played.started["agents"]} == {f"{USER}/{name}" for name in SCENE}


def test_the_tools_are_called_by_their_own_agents(played: Played) -> None:
    for name in SCENE:
        started = played.answer(f"{name}:starts").content
        assert started["task"] == {"task_id": f"task-{name}", "status": "started"}
        assert agent(played.started, name)["task"]["task_id"] == f"task-{name}"


def test_a_held_claim_names_the_holder_and_claims_nothing(played: Played) -> None:
    refused = played.answer("impl_a:tries").content
    assert refused["outcome"] == "held"
    assert "locks" not in refused
    (conflict,) = refused["conflicts"]
    assert (conflict["path"], conflict["locked_by"]) == (LEXER, f"{USER}/planner")
    assert conflict["reason"] == {"author": f"{USER}/planner", "untrusted_text": REASON}


def test_others_work_beside_a_held_file(played: Played) -> None:
    claimed = played.answer("impl_b:claims").content
    assert claimed["outcome"] == "granted"
    assert [lock["path"] for lock in claimed["locks"]] == [FORMATTER]


def test_a_waiting_claim_stands_in_the_queue_until_the_holder_releases(played: Played) -> None:
    assert waits_for(played.waiting, "impl_a") == [LEXER]
    assert holds(played.waiting, "planner") == [LEXER]
    assert not played.woke_early
    assert played.answer("planner:releases").content["outcome"] == "released"
    woken = played.answer("impl_a:waits").content
    assert woken["outcome"] == "granted"
    (lock,) = woken["locks"]
    (first,) = played.answer("planner:claims").content["locks"]
    assert lock["path"] == LEXER
    assert lock["fencing_token"] > first["fencing_token"]


def test_progress_keeps_the_task_with_its_agent_until_it_is_completed(played: Played) -> None:
    task = {"task_id": "task-impl_a"}
    assert played.answer("impl_a:reports").content["task"] == {
        **task,
        "status": "in_progress",
        "progress_percentage": 60,
    }
    assert played.answer("impl_a:completes").content["task"]["status"] == "completed"
    assert agent(played.ended, "impl_a")["task"]["status"] == "completed"


def test_a_message_reaches_the_agent_that_it_is_for_and_nobody_else(played: Played) -> None:
    assert played.answer("impl_b:writes").content["sent_to"] == [f"{USER}/planner"]
    (read,) = [item for item in played.answer("planner:reads").content["news"] if "message" in item]
    assert read["message"] == {"author": f"{USER}/impl_b", "untrusted_text": NEWS}
    others = [result.text for name in ("impl_a", "impl_c") for result in played.outcomes[name].results]
    assert [text for text in others if NEWS in text] == []


def test_completion_frees_what_the_task_held(played: Played) -> None:
    refused = played.answer("impl_c:tries").content
    assert refused["conflicts"][0]["locked_by"] == f"{USER}/impl_a"
    assert played.answer("impl_a:completes").content["released"] == [LEXER]
    assert played.answer("impl_c:claims").content["outcome"] == "granted"
    assert holds(played.ended, "impl_c") == [LEXER]


def test_an_agent_sees_the_others(played: Played) -> None:
    looked = played.answer("planner:looks").content
    assert {known["agent"] for known in looked["agents"]} == {f"{USER}/{name}" for name in SCENE}


def test_tools_may_be_called_side_by_side(played: Played) -> None:
    tools = [result.tool for result in played.outcomes["impl_c"].results[-2:]]
    assert sorted(tools) == [STATUS, SYNC]


def test_the_schema_of_the_claim_tool_is_before_the_model_from_the_first_request(played: Played) -> None:
    for name in SCENE:
        requests = played.model.requests(name)
        assert all(CLAIM in request.tool_names for request in requests)
        schema = next(tool for tool in requests[0].tools if tool["name"] == CLAIM)
        assert "file_paths" in schema["input_schema"]["properties"]


def test_the_model_is_told_from_the_first_request_how_agents_work_together(played: Played) -> None:
    told = json.dumps(INSTRUCTIONS.splitlines()[0], ensure_ascii=False)[1:-1]
    for name in SCENE:
        first = played.model.requests(name)[0]
        assert told in json.dumps([first.system, first.messages], ensure_ascii=False)


def test_a_connected_checkout_is_known_by_its_folder(played: Played, speech: Speech) -> None:
    checkout = None if speech.by_hand else str(played.checkout)
    assert [agent(played.ended, name)["checkout_root"] for name in SCENE] == [checkout] * len(SCENE)


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_client_that_is_not_claude_code_sees_nothing_beside_them(played: Played, era: str) -> None:
    seen = played.cursor[era]
    assert seen.lists == {"tools": [], "prompts": [], "resources": []}
    invented = json.dumps(seen.invented_tool).replace("no_such_tool", "claim_file_lock")
    assert seen.real_tool == json.loads(invented)
