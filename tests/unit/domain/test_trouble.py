"""A trouble that goes on is told at once, then ever more seldom; another one at once again."""

import itertools

from coordination.domain.trouble import FIRST_SECONDS, MOST_SECONDS, NAMED_MAX, Told, named, tell


def told_within(seconds: int, what: str = "away", before: Told | None = None) -> list[int]:
    """The seconds at which a trouble that is met every second is told."""
    found: list[int] = []
    for now in range(seconds):
        if (fresh := tell(before, what, now)) is not None:
            found.append(now)
            before = fresh
    return found


def test_the_first_time_is_told() -> None:
    assert tell(None, "away", 0.0) is not None


def test_going_on_it_is_told_ever_more_seldom() -> None:
    found = told_within(200)
    pauses = [after - before for before, after in itertools.pairwise(found)]
    assert pauses[:3] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS]


def test_it_is_never_quiet_for_longer_than_the_most() -> None:
    found = told_within(10 * MOST_SECONDS)
    assert found[-1] - found[-2] == MOST_SECONDS


def test_another_trouble_is_told_at_once_and_begins_anew() -> None:
    before = tell(tell(None, "away", 0), "away", FIRST_SECONDS)
    fresh = tell(before, "broken", FIRST_SECONDS + 1)
    assert fresh is not None
    assert tell(fresh, "broken", 2 * FIRST_SECONDS) is None
    assert tell(fresh, "broken", 2 * FIRST_SECONDS + 1) is not None


def test_an_error_is_named_on_one_short_line() -> None:
    assert (
        named(ValueError("a fault\nDETAIL:  of  many lines")) == "ValueError: a fault DETAIL: of many lines"
    )
    assert named(TimeoutError()) == "TimeoutError"
    assert len(named(ValueError("x" * 2000))) == NAMED_MAX
