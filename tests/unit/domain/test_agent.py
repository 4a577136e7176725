"""Agents: their id, the place they call from, and presence."""

from dataclasses import replace

import pytest

from coordination.domain.agent import ACTIVE_SECONDS, RECENT_SECONDS, Agent, Presence, agent_of, presence
from coordination.domain.identity import Identity

IDENTITY = Identity(
    "local", "alice", "demo", "impl_a", "implementer", "claude", "c" * 12, "/home/alice/p", "1-2"
)


def test_an_identity_with_a_session_is_an_agent() -> None:
    agent = agent_of(IDENTITY)
    expected = Agent(
        "local", "demo", "alice", "impl_a", "implementer", "claude", "c" * 12, "/home/alice/p", "1-2"
    )
    assert agent == expected
    assert expected.id == "alice/impl_a" == IDENTITY.agent_id


def test_a_plain_user_is_none() -> None:
    for missing in ({"session": None}, {"agent": None}, {"role": None}):
        assert agent_of(replace(IDENTITY, **missing)) is None


@pytest.mark.parametrize(
    ("checkout", "terminal", "place"),
    [("c", "t", "|t"), ("", "t", "|t"), ("c", "", "c|"), ("", "", None)],
)
def test_the_place_is_the_terminal_and_where_none_is_known_the_checkout(
    checkout: str, terminal: str, place: str | None
) -> None:
    agent = agent_of(replace(IDENTITY, checkout=checkout, terminal=terminal))
    assert agent is not None
    assert agent.place == place


@pytest.mark.parametrize(
    ("quiet", "expected"),
    [
        (-5.0, Presence.ACTIVE),
        (0.0, Presence.ACTIVE),
        (ACTIVE_SECONDS, Presence.ACTIVE),
        (ACTIVE_SECONDS + 0.1, Presence.RECENT),
        (RECENT_SECONDS, Presence.RECENT),
        (RECENT_SECONDS + 0.1, Presence.INACTIVE),
    ],
)
def test_presence_is_derived_from_silence(quiet: float, expected: Presence) -> None:
    assert presence(quiet, connected=True) is expected
    assert presence(quiet, connected=False) is Presence.INACTIVE
