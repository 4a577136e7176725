"""Rules 1, 3 and 5: each wrong history is rejected by its rule, the right one beside it is accepted."""

from dataclasses import replace

import pytest

from tests.history.checker import Fault, Header, Rule, judge
from tests.history.scenario import Scenario, broken


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("src/a.py", "src/a.py"),
        ("src", "src/a.py"),
        ("src/a.py", "src"),
        (".", "src/a.py"),
        ("src/deep/a.py", "."),
        ("", "src"),
        ("resource:port/5432", "resource:port/5432"),
    ],
)
def test_two_writers_on_overlapping_paths_are_rejected(first: str, second: str) -> None:
    story = Scenario()
    story.claim("a", first, at=10)
    story.claim("b", second, at=20)
    assert broken(story.history()) == {Rule.EXCLUSION}
    assert broken(story.heard()) == {Rule.EXCLUSION}
    [violation] = judge(story.history())
    assert violation.calls == (1, 2)
    assert "call 1" in violation.message
    assert "call 2" in violation.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("src/a.py", "src/b.py"),
        ("src", "src2/a.py"),
        ("src", "srca"),
        (".", "resource:deploy"),
        ("resource:port/5432", "resource:port/5433"),
    ],
)
def test_two_writers_on_different_paths_are_accepted(first: str, second: str) -> None:
    story = Scenario()
    story.claim("a", first, at=10)
    story.claim("b", second, at=20)
    assert not broken(story.history())


def test_readers_share_and_exclude_a_writer() -> None:
    story = Scenario()
    story.claim("a", "src", at=10, operation="read")
    story.claim("b", "src/a.py", at=20, operation="read")
    assert not broken(story.history())
    story.claim("c", "src/a.py", at=30, operation="delete")
    assert len(judge(story.history())) == 2


def test_an_agent_does_not_exclude_itself() -> None:
    story = Scenario()
    story.claim("a", "src", at=10)
    story.claim("a", "src/a.py", at=20)
    assert not broken(story.history())


def test_checkouts_coexist_unless_one_is_unknown_or_the_path_is_no_file() -> None:
    story = Scenario()
    story.claim("a", "src", at=10, checkout="here")
    story.claim("b", "src", at=20, checkout="there")
    story.claim("a", "resource:deploy", at=21, checkout="here")
    assert not broken(story.history())
    story.claim("b", "resource:deploy", at=22, checkout="there")
    assert len(judge(story.history())) == 1
    story.claim("c", "src", at=30, checkout="")
    assert len(judge(story.history())) == 3


@pytest.mark.parametrize("way", ["released", "revoked", "expired"])
def test_a_path_that_became_free_may_be_granted(way: str) -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10, ttl=30)
    if way == "released":
        story.release(grant, at=20)
    elif way == "revoked":
        story.revoke(grant, at=20)
    else:
        story.expire(grant, at=40)
    story.claim("b", "src", at=40)
    assert not broken(story.history())
    assert not broken(story.heard())


def test_a_renewal_extends_the_exclusion() -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10, ttl=30)
    story.renew(grant, at=20, ttl=60)
    story.claim("b", "src", at=50)
    assert broken(story.history()) == {Rule.EXCLUSION}
    assert Rule.EXCLUSION in broken(story.heard())


def test_a_release_that_may_have_come_first_is_an_excuse_only_while_its_time_is_unknown() -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10)
    story.claim("b", "src", at=20)
    story.release(grant, at=20.0005)
    assert not broken(story.heard())
    assert broken(story.history()) == {Rule.EXCLUSION}


def test_without_a_common_clock_the_order_of_calls_still_convicts() -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10)
    story.claim("b", "src", at=20)
    story.release(grant, at=30)
    assert broken(story.heard(comparable=False)) == {Rule.EXCLUSION}


def test_a_lost_release_is_an_excuse_only_without_events() -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10)
    story.release(grant, at=20, outcome="unknown", written=False)
    story.claim("b", "src", at=30)
    assert not broken(story.heard())
    assert broken(story.history()) == {Rule.EXCLUSION}


def test_a_resource_is_one_thing_in_every_checkout_also_for_its_holder() -> None:
    story = Scenario()
    name = "resource:deploy"
    story.claim("a", name, at=10, operation="read", checkout="")
    story.calls[-1] = replace(story.calls[-1], checkout="here")
    grant = story.claim("a", name, at=20, checkout="")
    story.calls[-1] = replace(story.calls[-1], checkout="there")
    story.keep(grant)
    assert not broken(story.history(snapshot_at=40))
    header = Header(snapshot_at=40, clock_offset=0.0)
    assert not broken(replace(story.heard(), header=header, locks=tuple(story.rows)))


def test_an_answer_without_the_instant_of_its_grant_needs_the_event() -> None:
    story = Scenario()
    story.claim("a", "x", "y", at=10)
    history = story.history()
    [call] = history.calls
    silent = replace(call, leases=tuple(replace(lease, granted_at=None) for lease in call.leases))
    assert not broken(replace(history, calls=(silent,)))
    assert broken(replace(history, calls=(silent,), events=())) == {Rule.EVENTS}


def test_an_upgrade_replaces_the_read_lease() -> None:
    story = Scenario()
    story.claim("a", "src", at=10, operation="read")
    upgraded = story.claim("a", "src", at=20)
    story.release(upgraded, at=30)
    story.claim("b", "src", at=40)
    assert not broken(story.history())


@pytest.mark.parametrize("what", ["renew", "claim", "release"])
def test_an_expired_lease_that_comes_back_is_rejected(what: str) -> None:
    for at, expected in ((39.0, set[Rule]()), (40.0, {Rule.EXPIRY}), (50.0, {Rule.EXPIRY})):
        story = Scenario()
        grant = story.claim("a", "src", at=10, ttl=30)
        if what == "release":
            story.release(grant, at=at)
        else:
            story.renew(grant, at=at, kind="renew" if what == "renew" else "claim")
        assert broken(story.history()) == expected
        if at != 40.0:
            assert broken(story.heard()) == expected


def test_a_lease_that_comes_back_after_it_was_given_to_another_is_rejected() -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10, ttl=30)
    story.expire(grant, at=45)
    story.claim("b", "src", at=45)
    story.renew(grant, at=50)
    assert Rule.EXPIRY in broken(story.history())
    assert Rule.EXPIRY in broken(story.heard(comparable=False))


def test_a_grant_over_an_expired_lease_needs_its_event_first() -> None:
    story = Scenario()
    grant = story.claim("a", "src/a.py", at=10, ttl=30)
    story.claim("b", "src", at=50)
    assert broken(story.history()) == {Rule.EXPIRY}
    story.expire(grant, at=50)
    assert broken(story.history()) == {Rule.EXPIRY}
    at_the_limit = Scenario()
    at_the_limit.claim("a", "src/a.py", at=10, ttl=30)
    at_the_limit.claim("b", "src", at=40)
    assert broken(at_the_limit.history()) == {Rule.EXPIRY}
    first, second, third = story.history().events
    mended = (first, replace(third, seq=2), replace(second, seq=3))
    assert not broken(replace(story.history(), events=mended))


def test_a_lease_that_is_called_expired_too_early_is_rejected() -> None:
    story = Scenario()
    story.expire(story.claim("a", "src", at=10, ttl=30), at=39)
    assert broken(story.history()) == {Rule.EXPIRY}


def test_claiming_again_must_not_shorten() -> None:
    story = Scenario()
    story.renew(story.claim("a", "src", at=10, ttl=50), at=20, ttl=10, kind="claim")
    assert broken(story.history()) == {Rule.EXPIRY}


def test_an_acknowledged_lease_that_vanished_is_rejected() -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10)
    assert broken(story.history(snapshot_at=50)) == {Rule.DURABILITY}
    assert broken(replace(story.heard(), header=Header(snapshot_at=50))) == {Rule.DURABILITY}
    assert not broken(story.history(snapshot_at=200))
    story.keep(grant)
    assert not broken(story.history(snapshot_at=50))
    story.release(grant, at=40)
    assert broken(story.history(snapshot_at=50)) == {Rule.DURABILITY}
    assert not broken(replace(story.history(snapshot_at=50), locks=()))


def test_a_renewal_that_was_lost_from_the_lock_table_is_rejected() -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10)
    renewed = story.renew(grant, at=30)
    story.keep(grant)
    assert broken(story.history(snapshot_at=50)) == {Rule.DURABILITY}
    story.rows.clear()
    story.keep(renewed)
    assert not broken(story.history(snapshot_at=50))


def test_a_lease_that_ends_with_the_snapshot_may_be_there_or_not() -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10, ttl=40)
    assert not broken(story.history(snapshot_at=50))
    story.keep(grant)
    assert not broken(story.history(snapshot_at=50))
    story.expire(grant, at=50)
    assert not broken(story.history(snapshot_at=50))


def test_a_row_in_the_wrong_hands_is_rejected() -> None:
    story = Scenario()
    grant = story.claim("a", "src", at=10)
    story.keep(grant.taken_by("b"))
    assert broken(story.history(snapshot_at=50)) == {Rule.DURABILITY}


def test_without_events_a_row_may_come_from_a_claim_that_heard_nothing() -> None:
    for path, outcome, expected in (
        ("x", "unknown", set[Rule]()),
        ("y", "unknown", {Rule.DURABILITY}),
        ("x", "fail", {Rule.DURABILITY}),
    ):
        story = Scenario()
        grant = story.claim("a", "x", at=10)
        story.calls.clear()
        story.call("a", "claim", [path], at=10, outcome="unknown" if outcome == "unknown" else "fail")
        story.keep(grant)
        header = Header(snapshot_at=50)
        assert broken(replace(story.heard(), header=header, locks=tuple(story.rows))) == expected


def test_a_fault_alone_excuses_no_lease() -> None:
    story = Scenario()
    story.claim("a", "src", at=10)
    story.claim("b", "src", at=20)
    history = replace(story.history(), faults=(Fault(from_=5, until=30, target="postgres"),))
    assert broken(history) == {Rule.EXCLUSION}
