"""The failures of one piece of work: the traceback where a trouble begins, only its name while it goes on."""

import pytest

from coordination.domain import trouble as pauses
from coordination.services.trouble import Trouble

FAULT = ValueError("a fault")
BEGUN = {"why": "ValueError: a fault", "exc_info": FAULT}


def test_a_trouble_that_was_told_lately_is_not_told_again() -> None:
    trouble = Trouble()
    assert trouble.met(FAULT) == BEGUN
    assert [trouble.met(FAULT) for _ in range(20)] == [None] * 20


def test_a_trouble_that_is_told_again_is_only_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "FIRST_SECONDS", 0)
    trouble = Trouble()
    assert trouble.met(FAULT) == BEGUN
    assert trouble.met(FAULT) == {"why": "ValueError: a fault"}


def test_another_trouble_begins_with_its_own_traceback() -> None:
    trouble, other = Trouble(), KeyError("another")
    trouble.met(FAULT)
    assert trouble.met(other) == {"why": "KeyError: 'another'", "exc_info": other}


def test_what_was_over_begins_anew() -> None:
    trouble = Trouble()
    trouble.met(FAULT)
    trouble.over()
    assert trouble.met(FAULT) == BEGUN
