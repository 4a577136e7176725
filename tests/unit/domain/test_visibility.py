"""The predicate says who sees which tools."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination.domain.visibility import Hidden, Signals, Visible, decide, tools_for
from tests.unit.transport.visibility_cases import CASES, CLI_AGENT, Case

FOUR_FOR_CLAUDE = Signals("claude", ("claude code",), "claude-code", (CLI_AGENT,))
SHARED = ("claim_file_lock", "sync_progress", "check_agent_status")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_matrix(case: Case) -> None:
    assert isinstance(decide(case.signals), Visible if case.visible else Hidden)


def test_matrix_has_both_outcomes_and_no_case_twice() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.visible for case in CASES} == {True, False}


def test_outer_spaces_of_a_header_do_not_count() -> None:
    assert decide(Signals("claude", (" claude code\t",))) == Visible()


@pytest.mark.parametrize(
    ("signals", "words"),
    [
        (replace(FOUR_FOR_CLAUDE, credential="api_key"), "API key"),
        (replace(FOUR_FOR_CLAUDE, path_client="cursor"), "path"),
        (replace(FOUR_FOR_CLAUDE, client_names=("cursor",)), "x-client-name"),
        (replace(FOUR_FOR_CLAUDE, client_info="cursor"), "clientInfo"),
        (replace(FOUR_FOR_CLAUDE, user_agents=("Cursor/1",)), "User-Agent"),
        (Signals("claude"), "nothing but the path"),
    ],
)
def test_hidden_says_which_rule_decided_and_repeats_nothing(signals: Signals, words: str) -> None:
    verdict = decide(signals)
    assert isinstance(verdict, Hidden)
    assert words in verdict.why
    assert "cursor" not in verdict.why.lower()


def test_planner_sees_five_tools_and_implementer_the_last_three() -> None:
    assert tools_for(Visible(), "planner") == ("analyze_task_conflicts", "create_task_distribution", *SHARED)
    assert tools_for(Visible(), "implementer") == SHARED


def test_without_a_session_there_are_no_tools() -> None:
    assert tools_for(Visible(), None) == ()


def test_hidden_callers_see_no_tools_in_any_role() -> None:
    assert tools_for(Hidden("why"), "planner") == ()
    assert tools_for(Hidden("why"), "implementer") == ()


@given(st.text(max_size=80))
def test_a_header_counts_only_when_it_is_ascii_and_folds_to_the_name(text: str) -> None:
    words = text.strip(" \t").lower().replace("-", " ").replace("_", " ")
    expected = text.isascii() and " ".join(part for part in words.split(" ") if part) in {
        "claude code",
        "claude",
    }
    if not expected:
        assert isinstance(decide(Signals("claude", (text,))), Hidden)


@given(st.text(max_size=600))
def test_no_user_agent_outweighs_another_path_or_an_api_key(agent: str) -> None:
    assert isinstance(decide(Signals("cursor", user_agents=(agent,))), Hidden)
    assert isinstance(decide(Signals("claude", user_agents=(agent,), credential="api_key")), Hidden)


@given(st.text(alphabet="()claude-code/ ", max_size=512))
def test_any_nesting_of_comments_is_read(agent: str) -> None:
    assert isinstance(decide(Signals("claude", user_agents=(agent,))), Visible | Hidden)
