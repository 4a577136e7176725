"""When a place in the queue certainly counted, by the calls that waited in it."""

from tests.history.checker import Call, Header, Waiter
from tests.history.checker.records import Outcome
from tests.history.database import PARKED_SECONDS, with_presence

HEADER = Header(clock_offset=0.0)
PLACE = Waiter(session="s", ticket=1, agent="a", paths=("x",), enqueued_at=10.0)


def call(number: int, outcome: Outcome, *, at: float, until: float | None = None, path: str = "x") -> Call:
    return Call(
        id=number,
        client="c",
        session="s",
        agent="a",
        kind="claim",
        paths=(path,),
        wait_seconds=2.0,
        invoked=at,
        completed=until,
        outcome=outcome,
    )


def present(*calls: Call) -> Waiter:
    return with_presence([PLACE], calls, HEADER)[0]


def test_a_place_counts_while_its_call_is_open_and_is_kept_when_that_ends_in_vain() -> None:
    place = present(call(1, "held", at=9.0, until=12.0))
    assert place.live == ((10.0, 12.0),)
    assert place.kept == ((12.0, 12.0 + PARKED_SECONDS - 1),)


def test_a_call_that_heard_nothing_may_have_taken_the_kept_place_with_it() -> None:
    place = present(call(1, "held", at=9.0, until=12.0), call(2, "unknown", at=15.0))
    assert place.kept == ((12.0, 15.0),)


def test_a_call_that_heard_nothing_may_take_effect_after_later_ones() -> None:
    place = present(call(1, "unknown", at=8.0), call(2, "held", at=9.0, until=12.0))
    assert place.live == ((10.0, 12.0),)
    assert place.kept == ()


def test_a_call_for_other_paths_leaves_the_place_alone() -> None:
    place = present(call(1, "held", at=9.0, until=12.0), call(2, "unknown", at=15.0, path="y"))
    assert place.kept == ((12.0, 12.0 + PARKED_SECONDS - 1),)
