"""A virtual user id is read strictly; anything else is explained."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination.domain.errors import InvalidInput
from coordination.domain.virtual_user import FORM, VirtualUser, parse_virtual_user

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@+"
PARTS = st.text(ALPHABET, min_size=1, max_size=64).filter(
    lambda part: "__" not in part and not part.startswith("_") and not part.endswith("_")
)


@pytest.mark.parametrize(
    "user", ["alice", "a", "a" * 64, "alice@example.com", "a.b-c+d_e", "A_b", "session", "..", "-"]
)
def test_a_plain_user_has_no_session(user: str) -> None:
    assert parse_virtual_user(user) == VirtualUser(user)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("test_user__session__test_session__planner", ("test_user", "test_session", "planner")),
        ("alice__session__demo__impl_a", ("alice", "demo", "impl_a")),
        ("a__session__session__b", ("a", "session", "b")),
        ("session__session__session__session", ("session", "session", "session")),
        (f"{'u' * 64}__session__{'s' * 64}__{'a' * 64}", ("u" * 64, "s" * 64, "a" * 64)),
    ],
)
def test_an_agent_in_a_session(text: str, expected: tuple[str, str, str]) -> None:
    assert parse_virtual_user(text) == VirtualUser(*expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "_alice",
        "alice_",
        "a" * 65,
        "alice__",
        "__alice",
        "alice__bob",
        "alice__session__",
        "alice__session__demo",
        "alice__session__demo__",
        "alice__session____planner",
        "__session__demo__planner",
        "alice__session__demo__planner__x",
        "alice__session__a__session__b",
        "alice__SESSION__demo__planner",
        "alice__Session__demo__planner",
        "alice___session__demo__planner",
        "alice__session___demo__planner",
        "alice__session__demo___planner",
        "alice__session__demo__planner_",
        "alice__session__demo__" + "a" * 65,
        "alice__sessions__demo__planner",
        "alice bob",
        "alice/bob",
        "alice\x00",
        "alice\n",
        "alice__session__demo__planner\n",
        "al\u0131ce",
        "\u0430lice",
        "alice\u200b",
        "\uff41lice",
        "al%69ce",
        "alice:bob",
        "${COORD_AGENT}",
    ],
)
def test_anything_else_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_virtual_user(text)
    assert FORM in caught.value.message
    assert caught.value.next_call.isascii()


def test_the_refusal_repeats_nothing_of_what_was_sent() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_virtual_user("hostile\u202e words__" * 50)
    assert "hostile" not in caught.value.message
    assert len(caught.value.message) < 400


@given(PARTS, PARTS, PARTS)
def test_every_allowed_id_is_read_back_in_its_parts(user: str, session: str, agent: str) -> None:
    assert parse_virtual_user(f"{user}__session__{session}__{agent}") == VirtualUser(user, session, agent)


@given(st.text(ALPHABET + "_/ \x00\u0430", max_size=80))
def test_what_is_accepted_is_spelled_exactly_as_sent(text: str) -> None:
    try:
        user = parse_virtual_user(text)
    except InvalidInput:
        return
    if user.session is None:
        assert text == user.user
    else:
        assert text == f"{user.user}__session__{user.session}__{user.agent}"
