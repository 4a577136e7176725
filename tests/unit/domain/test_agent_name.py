"""The names that terminals and subagents try."""

from itertools import islice

import pytest

from coordination.domain.agent_name import MOST_NAMES, as_part, subagent_names, terminal_names
from coordination.domain.virtual_user import is_part


def test_terminals_have_two_hundred_names() -> None:
    names = list(terminal_names())
    assert names[:2] == ["impl_a", "impl_b"]
    assert names[25:27] == ["impl_z", "impl_aa"]
    assert len(names) == len(set(names)) == MOST_NAMES
    assert all(map(is_part, names))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Explore", "impl_a.explore-1"),
        ("general-purpose", "impl_a.general-purpose-1"),
        ("my plugin:Code__Reviewer!", "impl_a.my-plugin-code-reviewer-1"),
        ("", "impl_a.subagent-1"),
        ("测试\x00\n", "impl_a.subagent-1"),
        ("x" * 23 + "-" + "y" * 99, "impl_a." + "x" * 23 + "-1"),
    ],
)
def test_a_subagent_is_called_by_its_parent_and_type(kind: str, expected: str) -> None:
    assert next(subagent_names("impl_a", kind)) == expected


def test_subagents_of_a_long_name_have_names_too() -> None:
    names = list(islice(subagent_names("p" * 64, "x" * 99), 1000))
    assert len(set(names)) == 1000
    assert all(map(is_part, names))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice", "alice"),
        ("alice@example.org", "alice@example.org"),
        ("Jörg Müller", "J-rg-M-ller"),
        ("a__b_", "a-b"),
        ("_" + "x" * 99, "x" * 64),
        ("x" * 63 + "_y", "x" * 63),
        ("ü", "me"),
        ("", "me"),
    ],
)
def test_a_text_as_a_name(text: str, expected: str) -> None:
    assert as_part(text, "me") == expected
    assert is_part(expected)
