"""Rule 2, and the part of rule 8 that asks who wanted a grant: wrong histories are rejected, right ones accepted."""

from dataclasses import replace

import pytest

from tests.history.checker import Rule, judge
from tests.history.scenario import Scenario, broken


def test_a_claim_that_is_granted_in_part_is_rejected() -> None:
    story = Scenario()
    story.claim("a", "x", "y", at=10)
    whole = story.history()
    assert not broken(whole)
    [call] = whole.calls
    [event] = whole.events
    partly = replace(call, leases=call.leases[:1])
    assert Rule.ALL_OR_NOTHING in broken(replace(whole, calls=(partly,)))
    halves = tuple(
        replace(event, seq=number, leases=(replace(lease, granted_at=9.0 + number),), created_at=9.0 + number)
        for number, lease in enumerate(event.leases, start=1)
    )
    late = replace(call, leases=(call.leases[0], replace(call.leases[1], granted_at=11.0)))
    assert broken(replace(whole, calls=(late,), events=halves)) == {Rule.ALL_OR_NOTHING}


def test_a_claim_may_be_written_as_several_events_of_one_instant() -> None:
    story = Scenario()
    story.claim("a", "x", "y", at=10)
    whole = story.history()
    [event] = whole.events
    events = tuple(replace(event, seq=n, leases=(lease,)) for n, lease in enumerate(event.leases, start=1))
    assert not broken(replace(whole, events=events))


@pytest.mark.parametrize("outcome", ["held", "fail"])
def test_a_refused_claim_that_took_something_is_rejected(outcome: str) -> None:
    story = Scenario()
    story.claim("b", "y", at=5)
    story.claim("a", "x", "y", at=10, outcome="held" if outcome == "held" else "fail")
    assert not broken(story.history())
    story = Scenario()
    story.claim("b", "y", at=5)
    story.claim("a", "x", "y", at=10, outcome="held" if outcome == "held" else "fail", written=["x"])
    assert broken(story.history()) == {Rule.ALL_OR_NOTHING}


def test_an_unheard_claim_took_all_or_nothing() -> None:
    for written, expected in (("xy", set[Rule]()), ("", set[Rule]()), ("x", {Rule.ALL_OR_NOTHING})):
        story = Scenario()
        story.claim("a", "x", "y", at=10, outcome="unknown", written=written)
        assert broken(story.history()) == expected


def test_an_unheard_claim_need_not_take_what_its_agent_holds() -> None:
    story = Scenario()
    story.claim("a", "x", at=5)
    story.claim("a", "x", "y", at=10, outcome="unknown", written="y")
    assert not broken(story.history())


def test_a_grant_that_nobody_asked_for_is_rejected() -> None:
    story = Scenario()
    story.claim("a", "x", at=10, outcome="unknown", written="x")
    assert not broken(story.history())
    assert broken(replace(story.history(), calls=())) == {Rule.EVENTS}


def test_an_unheard_claim_explains_one_grant_only() -> None:
    story = Scenario()
    grant = story.claim("a", "x", at=10, outcome="unknown", written="x")
    story.release(grant, at=20)
    story.event("lock.claimed", "a", [replace(grant.leases[0], token=9, granted_at=30, expires_at=90)], at=30)
    assert broken(story.history()) == {Rule.EVENTS}


def test_an_answer_says_what_was_asked_and_once() -> None:
    story = Scenario()
    grant = story.claim("a", "x", "y", at=10)
    history = story.history()
    [call] = history.calls
    wrong = {
        "did not ask for": replace(call, paths=("x",)),
        "one path twice": replace(call, leases=(*grant.leases, grant.leases[0])),
        "a read lease instead": replace(
            call, leases=tuple(replace(lease, operation="read") for lease in grant.leases)
        ),
        "was refused and was given": replace(call, outcome="held"),
    }
    for words, spoilt in wrong.items():
        found = judge(replace(history, calls=(spoilt,)))
        assert any(
            violation.rule is Rule.ALL_OR_NOTHING and words in violation.message for violation in found
        )
    stronger = replace(call, operation="read")
    assert not broken(replace(history, calls=(stronger,)))


def test_a_grant_beyond_what_its_answer_says_is_rejected() -> None:
    story = Scenario()
    story.claim("a", "x", "y", at=10)
    history = story.history()
    [call] = history.calls
    told_less = replace(call, paths=("x",), leases=call.leases[:1])
    assert broken(replace(history, calls=(told_less,))) == {Rule.ALL_OR_NOTHING}


def test_a_refusal_is_blamed_only_for_its_own_time() -> None:
    for at, expected in ((10.0, {Rule.ALL_OR_NOTHING}), (20.0, {Rule.EVENTS})):
        story = Scenario()
        grant = story.claim("a", "x", at=10, outcome="fail")
        story.event("lock.claimed", "a", [replace(grant.leases[0], granted_at=at, expires_at=99)], at=at)
        assert broken(story.history()) == expected


def test_a_claim_that_was_sent_later_explains_no_grant() -> None:
    story = Scenario()
    grant = story.claim("a", "x", at=10, outcome="unknown")
    story.event("lock.claimed", "a", [replace(grant.leases[0], granted_at=9, expires_at=99)], at=9)
    assert broken(story.history()) == {Rule.EVENTS}


@pytest.mark.parametrize(
    ("outcome", "written", "expected"),
    [
        ("unknown", "xy", set[Rule]()),
        ("unknown", "x", {Rule.ALL_OR_NOTHING}),
        ("fail", "xy", {Rule.ALL_OR_NOTHING}),
    ],
)
def test_an_event_that_names_its_call_is_judged_by_that_call(
    outcome: str, written: str, expected: set[Rule]
) -> None:
    story = Scenario()
    story.claim("a", "x", "y", at=10, outcome="unknown" if outcome == "unknown" else "fail", written=written)
    story.call("a", "claim", ["x"], at=10, outcome="unknown")
    story.events = [replace(event, call=1) for event in story.events]
    assert broken(story.history()) == expected


def test_what_an_agent_held_only_before_does_not_complete_its_claim() -> None:
    story = Scenario()
    story.release(story.claim("a", "x", at=5), at=7)
    story.claim("a", "x", "y", at=10, outcome="unknown", written="y")
    assert broken(story.history()) == {Rule.ALL_OR_NOTHING}
