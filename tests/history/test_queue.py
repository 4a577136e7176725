"""Rule 9: each wrong history is rejected by its rule, the right one beside it is accepted."""

from dataclasses import replace

from tests.history.checker import Fault, Limits, Rule, judge
from tests.history.scenario import Scenario, broken


def messages(story: Scenario) -> str:
    return "\n".join(str(violation) for violation in judge(story.history()))


def test_a_claim_that_goes_past_an_earlier_waiter_is_rejected() -> None:
    for path, expected in (("x", {Rule.QUEUE}), ("z", set[Rule]())):
        story = Scenario()
        holder = story.claim("a", "x", at=10)
        story.wait("b", "x", "y", at=11, until=14)
        story.release(holder, at=12)
        story.claim("c", path, at=13)
        assert broken(story.history()) == expected


def test_a_claim_on_a_free_path_must_not_go_past_a_waiter_that_wants_it_too() -> None:
    story = Scenario()
    story.claim("a", "x", at=10)
    story.wait("b", "x", "dir", at=11, until=14)
    story.claim("c", "dir/y", at=13)
    assert broken(story.history()) == {Rule.QUEUE}
    assert "past waiter 1" in messages(story)


def test_waiters_are_served_in_order() -> None:
    for order, expected in (("bc", set[Rule]()), ("cb", {Rule.QUEUE})):
        story = Scenario()
        holder = story.claim("a", "x", at=10)
        turn = {order[0]: 13.0, order[1]: 14.0}
        story.wait("b", "x", at=11, until=turn["b"], granted=True)
        story.wait("c", "x", at=12, until=turn["c"], granted=True)
        story.release(holder, at=12.5)
        first = story.claim(order[0], "x", at=13, since=11)
        story.release(first, at=13.5)
        story.claim(order[1], "x", at=14, since=11)
        assert broken(story.history()) == expected


def test_a_place_that_is_kept_must_not_be_passed_and_may_rest_for_ever() -> None:
    for kept, expected in ((((12.0, 132.0),), {Rule.QUEUE}), ((), set[Rule]())):
        story = Scenario()
        holder = story.claim("a", "x", at=10)
        story.wait("b", "x", at=11, until=12, dead=True)
        story.waiters = [replace(story.waiters[0], kept=kept, dead_after=132.0)]
        story.release(holder, at=20)
        assert not broken(story.history())
        story.claim("c", "x", at=60)
        assert broken(story.history()) == expected


def test_a_waiter_that_the_claimant_blocks_may_be_passed() -> None:
    story = Scenario()
    story.claim("a", "x", at=10)
    story.wait("b", "x", "y", at=11, until=14)
    story.claim("a", "y", at=13)
    assert not broken(story.history())


def test_a_waiter_that_the_claimant_blocks_through_others_may_be_passed() -> None:
    story = Scenario()
    story.claim("a", "x", at=10)
    story.claim("b", "y", at=10.5)
    story.wait("b", "x", at=11, until=14)
    story.wait("c", "y", "z", at=12, until=14)
    story.claim("a", "z", at=13)
    assert not broken(story.history())
    story.claim("d", "z/below", at=13.5)
    assert Rule.QUEUE in broken(story.history())


def test_an_agent_waits_in_all_its_places_at_once() -> None:
    for link, expected in (("r", set[Rule]()), ("w", {Rule.QUEUE})):
        story = Scenario()
        story.claim("a", "p", at=10)
        story.claim("c", "x", at=10.5)
        story.wait("b", "x", "z", at=11, until=14)
        story.wait("b", "p", "r", at=11.5, until=14)
        story.wait("c", link, at=12, until=14)
        story.claim("a", "z", at=13)
        assert broken(story.history()) == expected


def test_a_resource_in_a_claim_does_not_carry_its_files_into_other_checkouts() -> None:
    for checkout, expected in (("there", set[Rule]()), ("here", {Rule.QUEUE})):
        story = Scenario()
        story.claim("a", "x", at=10)
        story.wait("b", "x", "y", at=11, until=14)
        grant = story.claim("c", "resource:deploy", "y", at=13, checkout=checkout)
        mixed = (replace(grant.leases[0], checkout=""), grant.leases[1])
        story.calls[-1] = replace(story.calls[-1], leases=mixed)
        story.events[-1] = replace(story.events[-1], leases=mixed)
        assert broken(story.history()) == expected


def test_readers_pass_one_another() -> None:
    story = Scenario()
    story.claim("a", "x", at=10)
    story.wait("b", "x", "y", at=11, until=14, operation="read")
    story.claim("c", "y", at=13, operation="read")
    assert not broken(story.history())


def test_a_dead_waiter_may_be_passed() -> None:
    story = Scenario()
    holder = story.claim("a", "x", at=10)
    story.wait("b", "x", at=11, until=12, dead=True)
    story.release(holder, at=20)
    story.claim("c", "x", at=21)
    assert not broken(story.history())


def test_a_dead_waiter_must_not_hold_up_a_living_one() -> None:
    story = Scenario()
    holder = story.claim("a", "x", at=10)
    story.wait("b", "x", at=11, until=12, dead=True)
    story.wait("c", "x", at=11.5, until=40)
    story.release(holder, at=20)
    assert broken(story.history()) == {Rule.QUEUE}
    assert "waiter 2" in messages(story)
    assert "waiter 1" not in messages(story)


def test_a_living_waiter_may_hold_up_those_behind_it() -> None:
    story = Scenario()
    holder = story.claim("a", "x", at=10)
    story.claim("d", "y", at=10.5)
    story.wait("b", "x", "y", at=11, until=40)
    story.wait("c", "x", at=11.5, until=40)
    story.release(holder, at=20)
    assert not broken(story.history())


def test_a_claim_that_a_dead_waiter_alone_turned_away_is_rejected() -> None:
    for left_at, expected in ((12.0, {Rule.QUEUE}), (24.0, set[Rule]())):
        story = Scenario()
        holder = story.claim("a", "x", at=10)
        story.wait("b", "x", at=11, until=left_at, dead=True)
        story.release(holder, at=20)
        story.claim("c", "x", at=21, outcome="held")
        assert broken(story.history()) == expected


def test_a_claim_that_met_a_lease_may_be_turned_away() -> None:
    story = Scenario()
    story.claim("a", "x", at=10, ttl=11)
    story.claim("c", "x", at=21, outcome="held", since=20)
    assert not broken(story.history())


def test_a_fault_excuses_a_waiter_that_is_not_served() -> None:
    story = Scenario()
    story.release(story.claim("a", "x", at=10), at=12)
    story.wait("b", "x", at=11, until=30)
    assert broken(story.history()) == {Rule.QUEUE}
    fault = Fault(from_=13, until=28, target="postgres")
    assert not broken(replace(story.history(), faults=(fault,)))
    assert not judge(story.history(), Limits(wake_seconds=20))


def test_a_circle_of_leases_is_rejected_even_if_it_is_short() -> None:
    story = Scenario()
    story.claim("a", "x", at=10)
    story.claim("b", "y", at=10.5)
    story.wait("a", "y", at=11, until=13)
    assert not broken(story.history())
    story.wait("b", "x", at=12, until=13)
    assert broken(story.history()) == {Rule.QUEUE}
    assert "circle" in messages(story)


def test_a_circle_that_a_lease_ended_is_accepted() -> None:
    story = Scenario()
    story.claim("a", "x", at=10)
    story.claim("b", "y", at=10.5, ttl=1.5)
    story.wait("a", "y", at=11, until=12.1, granted=True)
    story.wait("b", "x", at=12.1, until=13)
    assert not broken(story.history())


def test_two_upgraders_that_wait_for_each_other_are_rejected() -> None:
    story = Scenario()
    story.claim("a", "x", at=10, operation="read")
    story.claim("b", "x", at=10.5, operation="read")
    story.wait("a", "x", at=11, until=13)
    story.wait("b", "x", at=12, until=13)
    assert broken(story.history()) == {Rule.QUEUE}


def test_a_circle_through_the_order_of_the_queue_is_rejected() -> None:
    story = Scenario()
    story.claim("a", "x", at=10)
    story.claim("c", "z", at=10.5)
    story.wait("b", "x", "y", at=11, until=40)
    story.wait("c", "y", at=12, until=40)
    assert not broken(story.history())
    story.wait("a", "z", at=13, until=40)
    assert broken(story.history()) == {Rule.QUEUE}
    assert "wait only for one another" in messages(story)


def test_tickets_follow_arrival() -> None:
    story = Scenario()
    story.claim("a", "x", at=10, ttl=1000)
    story.wait("b", "x", at=11, until=12)
    story.wait("c", "x", at=11.5, until=12)
    assert not broken(story.history())
    late, early = story.waiters
    story.waiters = [late, replace(early, enqueued_at=late.enqueued_at)]
    assert not broken(story.history())
    story.waiters = [replace(late, ticket=2), replace(early, ticket=1)]
    assert broken(story.history()) == {Rule.QUEUE}
    story.waiters = [late, replace(early, ticket=1)]
    assert broken(story.history()) == {Rule.QUEUE}
