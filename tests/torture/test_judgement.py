"""A run catches a service that is weakened, and whether a run did enough to catch anything is told."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.history.checker import Event, History, Lease, Reader, Rule, judge
from tests.history.checker.records import Call, Waiter
from tests.torture.faults import KINDS
from tests.torture.run import Plan, Run
from tests.torture.sufficiency import shortcomings

SECONDS = 12.0
EVERY_FAULT = dict.fromkeys(KINDS, 1)


def heard(number: int, kind: str, outcome: str, *, checkout: str = "") -> Call:
    leases = (Lease(path="x", token=number),) if outcome == "ok" else ()
    call = Call(id=number, client="c", session="s", agent="a", kind=kind, invoked=1.0, leases=leases)
    return replace(call, outcome=outcome, checkout=checkout)


def full_history() -> History:
    return History(
        calls=(
            heard(1, "claim", "ok"),
            heard(2, "claim", "held"),
            heard(3, "renew", "ok", checkout="aaaaaaaaaaaa"),
            heard(4, "release", "ok"),
            heard(5, "revoke", "ok"),
        ),
        events=(Event(session="s", seq=1, kind="lock.claimed", created_at=1.0),),
        waiters=(Waiter(session="s", ticket=1, agent="a", paths=("x",), enqueued_at=1.0, granted_at=2.0),),
        readers=(Reader(id="r", session="s", seqs=(1,), until=1),),
    )


def without(kind: str, outcome: str) -> Callable[[History], History]:
    def taken(history: History) -> History:
        kept = (call for call in history.calls if (call.kind, call.outcome) != (kind, outcome))
        return replace(history, calls=tuple(kept))

    return taken


def no_waiters(history: History) -> History:
    return replace(history, waiters=())


def no_readers(history: History) -> History:
    return replace(history, readers=())


def test_a_run_with_everything_in_it_was_enough() -> None:
    assert shortcomings(full_history(), EVERY_FAULT) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without("claim", "ok"), '0 of 1 claims heard "ok"'),
        (without("claim", "held"), '0 of 1 claims heard "held"'),
        (without("renew", "ok"), "no renew"),
        (without("release", "ok"), "no release"),
        (without("revoke", "ok"), "no revoke"),
        (no_waiters, "no waiter was granted"),
        (no_readers, "nobody read the events of s"),
        (without("renew", "ok"), "of one checkout"),
    ],
)
def test_a_run_without_something_was_not_enough(change: Callable[[History], History], expected: str) -> None:
    assert expected in "\n".join(shortcomings(change(full_history()), EVERY_FAULT))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_without_a_kind_of_fault_was_not_enough(kind: str) -> None:
    faults = {name: count for name, count in EVERY_FAULT.items() if name != kind}
    assert shortcomings(full_history(), faults) == [f'the fault "{kind}" did not happen']
    assert shortcomings(full_history(), None) == []


@pytest.mark.torture
async def test_a_run_on_weakened_functions_finds_what_is_broken(tmp_path: Path) -> None:
    plan = Plan(seed=3, seconds=SECONDS, weakenings=("expired-leases-live-on", "the-queue-is-passed"))
    outcome = await Run(plan, tmp_path).carry_out()
    assert outcome.broken == []
    assert {Rule.EXPIRY, Rule.QUEUE} <= {violation.rule for violation in judge(outcome.history)}
    assert shortcomings(outcome.history, None) == []
