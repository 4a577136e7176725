"""An identity is a value: who calls, in which role."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from coordination.domain.identity import Identity, role_of

PLANNER = Identity("local", "alice", "demo", "planner", "planner", "claude")


def test_the_agent_named_planner_has_that_role_and_every_other_one_implements() -> None:
    assert role_of("planner") == "planner"
    assert [role_of(name) for name in ("impl_a", "Planner", "planner2", "PLANNER")] == ["implementer"] * 4


def test_without_an_agent_there_is_no_role() -> None:
    assert role_of(None) is None


def test_the_agent_id_tells_agents_of_two_people_apart() -> None:
    assert PLANNER.agent_id == "alice/planner"
    assert replace(PLANNER, user="bob").agent_id == "bob/planner"


def test_a_plain_user_has_no_agent_id() -> None:
    assert replace(PLANNER, session=None, agent=None, role=None).agent_id is None


def test_an_identity_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        PLANNER.user = "mallory"  # pyright: ignore[reportAttributeAccessIssue]  what the test is about
