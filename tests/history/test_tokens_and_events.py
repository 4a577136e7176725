"""Rules 6, 7 and 8: each wrong history is rejected by its rule, the right one beside it is accepted."""

from dataclasses import replace

import pytest

from tests.history.checker import Event, History, Reader, Rule, judge
from tests.history.scenario import SESSION, Scenario, broken


def two_grants(second_token: int) -> Scenario:
    story = Scenario()
    story.token = 6
    story.release(story.claim("a", "x", at=10), at=20)
    story.token = second_token - 1
    story.claim("b", "x", at=30)
    return story


def test_tokens_that_grow_are_accepted_and_others_rejected() -> None:
    assert not broken(two_grants(8).history())
    assert not broken(two_grants(40).history())
    assert broken(two_grants(5).history()) == {Rule.FENCING}
    assert broken(two_grants(5).heard()) == {Rule.FENCING}


def test_a_token_that_is_given_twice_is_rejected() -> None:
    assert Rule.FENCING in broken(two_grants(7).history())
    assert Rule.FENCING in broken(two_grants(7).heard())


def test_paths_of_one_grant_may_share_a_token() -> None:
    story = Scenario()
    grant = story.claim("a", "x", "y", at=10)
    history = story.history()
    shared = tuple(replace(lease, token=1) for lease in grant.leases)
    [call], [event] = history.calls, history.events
    assert not broken(
        replace(history, calls=(replace(call, leases=shared),), events=(replace(event, leases=shared),))
    )


def test_tokens_grow_across_sessions_as_far_as_clients_know_the_order() -> None:
    for later_since, expected in ((None, {Rule.FENCING}), (9.0, set[Rule]())):
        one, other = Scenario(), Scenario("local/other")
        one.token = 10
        one.claim("a", "x", at=10)
        other.claim("b", "x", at=20, since=later_since)
        second = replace(other.calls[0], id=2)
        both = replace(one.history(), calls=(*one.calls, second), events=(*one.events, *other.events))
        assert broken(both) == expected


def test_a_renewal_that_changes_the_token_is_rejected() -> None:
    story = Scenario()
    grant = story.claim("a", "x", at=10)
    story.renew(grant, at=20)
    assert not broken(story.history())
    story.calls[1] = replace(story.calls[1], tokens={"x": 99})
    assert broken(story.history()) == {Rule.FENCING}


def test_claiming_again_what_one_holds_must_keep_the_token() -> None:
    story = Scenario()
    story.renew(story.claim("a", "x", at=10), at=20, kind="claim")
    assert not broken(story.history())
    story = Scenario()
    story.claim("a", "x", at=10)
    story.claim("a", "x", at=20)
    assert broken(story.history()) == {Rule.FENCING}


@pytest.mark.parametrize("what", ["renew", "release"])
def test_acting_on_a_grant_that_was_given_up_is_rejected(what: str) -> None:
    story = Scenario()
    grant = story.claim("a", "x", at=10)
    story.release(grant, at=20)
    assert not broken(story.history())
    if what == "renew":
        story.renew(grant, at=30)
    else:
        story.release(grant, at=30)
    assert broken(story.history()) == {Rule.HOLDER}
    assert broken(story.heard()) == {Rule.HOLDER}


def test_acting_on_a_grant_that_was_revoked_is_rejected() -> None:
    story = Scenario()
    grant = story.claim("a", "x", at=10)
    story.revoke(grant, at=20)
    story.renew(grant, at=30)
    assert broken(story.history()) == {Rule.HOLDER}


def test_acting_on_a_grant_that_a_later_one_replaced_is_rejected() -> None:
    story = Scenario()
    read = story.claim("a", "x", at=10, operation="read")
    write = story.claim("a", "x", at=20)
    story.renew(write, at=25)
    assert not broken(story.history())
    story.renew(read, at=30)
    assert Rule.HOLDER in broken(story.history())


def test_acting_on_somebody_elses_grant_is_rejected() -> None:
    story = Scenario()
    grant = story.claim("a", "x", at=10)
    story.release(grant.taken_by("b"), at=20)
    assert Rule.HOLDER in broken(story.history())
    assert Rule.HOLDER in broken(story.heard())


def test_acting_on_a_grant_that_was_never_made_is_rejected() -> None:
    story = Scenario()
    grant = story.claim("a", "x", at=10)
    story.renew(grant.with_token(77), at=20)
    assert Rule.HOLDER in broken(story.history())
    assert Rule.HOLDER in broken(story.heard())


def test_a_token_from_an_answer_that_was_lost_may_be_used() -> None:
    story = Scenario()
    grant = story.claim("a", "x", at=10, outcome="unknown", written="x")
    story.renew(grant, at=20)
    assert not broken(story.history())
    assert not broken(story.heard())
    story.calls[0] = replace(story.calls[0], paths=("y",))
    assert broken(story.heard()) == {Rule.HOLDER}


def test_giving_up_another_grant_than_the_one_named_is_rejected() -> None:
    story = Scenario()
    story.release(story.claim("a", "x", at=10), at=20)
    story.calls[1] = replace(story.calls[1], tokens={"x": 99})
    assert broken(story.history()) == {Rule.HOLDER}


def three_events() -> History:
    story = Scenario()
    grant = story.claim("a", "x", at=10)
    grant = story.renew(grant, at=20)
    story.release(grant, at=30)
    return story.history()


def test_a_gap_a_double_and_time_that_runs_backwards_are_rejected() -> None:
    history = three_events()
    assert not broken(history)
    one, two, three = history.events
    stranger = Event(session=SESSION, seq=3, kind="agent.joined", created_at=30)
    wrong = {
        "are missing": (one, two, replace(three, seq=4)),
        "numbers 1 to 1": (replace(one, seq=2), replace(two, seq=3), replace(three, seq=4)),
        "used before": (one, two, three, stranger),
        "created before": (one, two, three, replace(stranger, seq=4, created_at=29.9)),
    }
    for words, events in wrong.items():
        [violation] = judge(replace(history, events=events))
        assert violation.rule is Rule.EVENTS
        assert words in violation.message
    assert not broken(replace(history, events=(one, two, three, replace(stranger, seq=4))))


def test_events_with_swapped_numbers_are_rejected() -> None:
    history = three_events()
    one, two, three = history.events
    assert Rule.EVENTS in broken(replace(history, events=(one, replace(two, seq=3), replace(three, seq=2))))


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_an_acknowledged_change_without_its_event_is_rejected(missing: int) -> None:
    history = three_events()
    left = [event for number, event in enumerate(history.events) if number != missing]
    events = tuple(replace(event, seq=number) for number, event in enumerate(left, start=1))
    [violation] = [v for v in judge(replace(history, events=events)) if v.rule is Rule.EVENTS]
    assert violation.calls == (missing + 1,)


def test_claiming_again_without_effect_needs_no_event() -> None:
    story = Scenario()
    grant = story.claim("a", "x", at=10)
    story.call("a", "claim", ["x"], at=20, leases=grant.leases)
    assert not broken(story.history())


def test_an_event_that_an_answer_promised_must_exist() -> None:
    history = three_events()
    calls = (*history.calls[:2], replace(history.calls[2], seqs=(3,)))
    assert not broken(replace(history, calls=calls))
    calls = (*history.calls[:2], replace(history.calls[2], seqs=(4,)))
    assert broken(replace(history, calls=calls)) == {Rule.EVENTS}


@pytest.mark.parametrize(
    ("reader", "right"),
    [
        (Reader(id="r", session=SESSION, seqs=(1, 2, 3), until=3), True),
        (Reader(id="r", session=SESSION, seqs=(1, 2)), True),
        (Reader(id="r", session=SESSION, seqs=(2, 3), after=1, until=3), True),
        (Reader(id="r", session=SESSION, seqs=(2,), until=3, kinds=("lock.renewed",)), True),
        (Reader(id="r", session=SESSION, seqs=(1, 3), until=3), False),
        (Reader(id="r", session=SESSION, seqs=(1, 2), until=3), False),
        (Reader(id="r", session=SESSION, seqs=(1, 2, 2, 3), until=3), False),
        (Reader(id="r", session=SESSION, seqs=(1, 3, 2), until=3), False),
        (Reader(id="r", session=SESSION, seqs=(1, 2, 3), after=1, until=3), False),
        (Reader(id="r", session=SESSION, seqs=(1, 2, 3, 4)), False),
    ],
)
def test_a_reader_sees_every_event_once_and_in_order(reader: Reader, right: bool) -> None:
    assert broken(replace(three_events(), readers=(reader,))) == (set() if right else {Rule.EVENTS})


@pytest.mark.parametrize(
    "told",
    [("lock.released", 20.0), ("lock.renewed", 20.5)],
    ids=["another kind", "another instant"],
)
def test_a_reader_that_was_told_what_never_was_is_rejected(told: tuple[str, float]) -> None:
    history = three_events()
    truth = tuple((event.kind, event.created_at) for event in history.events)
    reader = Reader(id="r", session=SESSION, seqs=(1, 2, 3), told=truth)
    assert not broken(replace(history, readers=(reader,)))
    invented = replace(reader, told=(truth[0], told, truth[2]))
    [violation] = judge(replace(history, readers=(invented,)))
    assert (violation.rule, violation.seqs) == (Rule.EVENTS, ((SESSION, 2),))
    assert f"saw event 2 as {told[0]}" in violation.message
