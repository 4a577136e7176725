"""What needs a person's attention, and what does not."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from coordination.cli.attention import attention
from coordination.domain.agent import Presence
from coordination.domain.session import Overlap, SessionStatus
from tests.unit.cli.views import HOSTILE, agent, ago, lease, status

WELL: dict[str, Any] = {"status": "ok"}


def only(found: SessionStatus, health: dict[str, Any] | None = WELL) -> str:
    concerns = attention(found, health, pasted)
    assert len(concerns) == 1, concerns
    return str(concerns[0])


def pasted(arguments: str) -> str:
    return f"/opt/bin/coord {arguments}"


def test_a_session_in_good_order_has_no_warning() -> None:
    assert attention(status(agent(locks=(lease(),)), agent("planner")), WELL, pasted) == []


def test_tools_that_were_listed_but_never_called_are_a_warning_that_says_what_to_tell_the_agent() -> None:
    warning = only(status(agent(listed_at=ago(minutes=7), called_at=None, quiet_seconds=420.0)))
    assert "alice/impl_a was shown the tools 7 min ago and has called none" in warning
    assert "claim_file_lock" in warning


@pytest.mark.parametrize(
    "quiet",
    [
        agent(listed_at=ago(minutes=4), called_at=None, quiet_seconds=240.0),
        agent(listed_at=ago(hours=5), called_at=None, quiet_seconds=18000.0, presence=Presence.INACTIVE),
        agent(listed_at=None, called_at=None),
        agent(listed_at=ago(minutes=30), called_at=ago(minutes=20)),
    ],
    ids=["just started", "closed long ago", "never listed", "called"],
)
def test_an_agent_that_need_not_have_called_yet_is_no_warning(quiet: Any) -> None:
    assert attention(status(quiet), WELL, pasted) == []


def test_two_terminals_under_one_name_are_a_warning() -> None:
    warning = only(status(agent(terminals=2)))
    assert "2 terminals use the name alice/impl_a" in warning
    assert "COORD_AGENT=" in warning


def test_locks_of_a_quiet_agent_are_a_warning_with_the_command_that_frees_them() -> None:
    quiet = agent(presence=Presence.INACTIVE, quiet_seconds=1500.0, locks=(lease(), lease("b.py")))
    warning = only(status(quiet))
    assert "quiet for 25 min and holds 2 lock(s)" in warning
    assert warning.endswith(" /opt/bin/coord revoke demo --agent alice/impl_a")


def test_a_name_that_a_shell_would_read_otherwise_is_quoted_in_the_command() -> None:
    quiet = agent(presence=Presence.INACTIVE, quiet_seconds=1500.0, locks=(lease(),), agent_id="a/b;id")
    assert shlex.split(only(status(quiet, session="it's $HOME")))[-4:] == [
        *("revoke", "it's $HOME", "--agent", "a/b;id")
    ]


def test_overlaps_between_checkouts_and_a_closed_session_are_warnings() -> None:
    overlap = Overlap("a.py", "alice/impl_a", "a.py", "bob/impl_b")
    assert "will meet when you merge" in only(status(overlaps=(overlap,)))
    assert "demo is closed" in only(status(status="closed"))


@pytest.mark.parametrize(
    ("health", "said"), [({"status": "degraded"}, "degraded"), ({}, "None"), (None, "does not say how it is")]
)
def test_a_service_that_is_not_well_is_a_warning(health: dict[str, Any] | None, said: str) -> None:
    warning = only(status(), health)
    assert said in warning
    assert warning.endswith(" /opt/bin/coord doctor")


def test_names_are_cleaned_before_they_are_repeated() -> None:
    hostile = agent(agent_id=f"alice/{HOSTILE}", terminals=2)
    assert not {"\x1b", "\x07", "\u202e", "\x00", "\n"} & set(only(status(hostile)))


@pytest.mark.parametrize("state", ["closed", "active"])
def test_of_an_agent_that_left_only_its_locks_are_a_warning(state: str) -> None:
    left = agent(
        presence=Presence.INACTIVE,
        quiet_seconds=5.0,
        terminals=2,
        listed_at=ago(minutes=7),
        called_at=None,
        locks=(lease(),),
    )
    *others, warning = map(str, attention(status(left, status=state), WELL, pasted))
    assert len(others) == (state == "closed")
    assert "alice/impl_a left and still holds 1 lock(s)" in warning
    assert warning.endswith(" /opt/bin/coord revoke demo --agent alice/impl_a")
