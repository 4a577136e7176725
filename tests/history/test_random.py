"""Random histories of a plain sequential table are accepted; each of them, spoilt in one way, is rejected."""

import random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.conftest import examples
from tests.history.checker import Header, History, judge
from tests.history.reference import ReferenceTable, Step
from tests.history.scenario import broken
from tests.history.spoiling import SPOILERS, Spoiler

PATHS = ("a", "a/b", "a/b/c", "d", "d/e", ".")
AGENTS = ("ann", "bob", "cleo", "dan")
DEEDS = ("claim", "claim", "claim", "claim", "renew", "release", "release", "revoke")
OPERATIONS = ("read", "write", "write", "delete")

_steps = st.lists(
    st.builds(
        Step,
        does=st.sampled_from(DEEDS),
        agent=st.sampled_from(AGENTS),
        paths=st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True).map(tuple),
        operation=st.sampled_from(OPERATIONS),
        pause=st.integers(0, 3),
        ttl=st.integers(2, 12),
        waits=st.sampled_from([0, 0, 4, 9]),
        lost=st.sampled_from([False, False, False, False, True]),
    ),
    min_size=1,
    max_size=40,
)
histories = _steps.map(lambda steps: ReferenceTable().run(steps))


def long_history(seed: int) -> History:
    """A longer history, in which there is a place for every fault."""
    dice = random.Random(seed)  # noqa: S311 - a repeatable test, no secret
    steps = [
        Step(
            does=dice.choice(DEEDS),
            agent=dice.choice(AGENTS),
            paths=tuple(dice.sample(PATHS, dice.randint(1, 3))),
            operation=dice.choice(OPERATIONS),
            pause=dice.randint(0, 3),
            ttl=dice.randint(2, 30),
            waits=dice.choice([0, 0, 4, 9]),
            lost=dice.random() < 0.05,
        )
        for _ in range(80)
    ]
    return ReferenceTable().run(steps)


@settings(max_examples=examples(200))
@given(histories)
def test_a_right_history_is_accepted(history: History) -> None:
    assert judge(history) == []


@given(histories, st.sampled_from([0.0, None]))
def test_what_clients_heard_of_it_is_accepted(history: History, offset: float | None) -> None:
    header = Header(snapshot_at=history.header.snapshot_at, clock_offset=offset)
    assert judge(History(header=header, calls=history.calls, locks=history.locks)) == []


@pytest.mark.parametrize("spoiler", SPOILERS, ids=lambda spoiler: spoiler.__name__)
# Not every history has a place for every fault: those without are passed over.
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.filter_too_much])
@given(seed=st.integers(0, 10**6), data=st.data())
def test_a_spoilt_history_is_rejected(spoiler: Spoiler, seed: int, data: st.DataObject) -> None:
    history = long_history(seed)
    places = list(spoiler(history))
    assume(places)
    spoilt = data.draw(st.sampled_from(places).map(lambda place: place()))
    assert SPOILERS[spoiler] in broken(spoilt)
