"""What hooks are answered with is what Claude Code reads."""

import json

import pytest

from coordination.daemon.answer import Answer


def test_nothing_to_say_is_an_empty_object() -> None:
    assert Answer().written("PreToolUse") == b"{}"


def test_a_refusal_denies_with_its_reason() -> None:
    assert json.loads(Answer(deny="held").written("PreToolUse")) == {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": "held",
        }
    }


def test_an_edit_is_never_allowed_over_the_person_s_own_rules() -> None:
    assert b"permissionDecision" not in Answer(context="told", person="shown").written("PreToolUse")


@pytest.mark.parametrize("event", ["PreCompact", "SessionEnd", "headers"])
def test_a_hook_that_takes_no_words_gets_none(event: str) -> None:
    assert Answer(context="told").written(event) == b"{}"


def test_words_reach_the_model_and_the_person() -> None:
    assert json.loads(Answer(context="told", person="shown").written("PostToolUse")) == {
        "systemMessage": "shown",
        "hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": "told"},
    }
