"""A run catches a service that is weakened, and whether a run did enough to catch anything is told."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.history.checker import AskedPlan, Event, History, Lease, Reader, Rule, judge
from tests.history.checker.records import Call, Waiter
from tests.torture import service
from tests.torture.faults import KINDS
from tests.torture.polling import Listener
from tests.torture.run import Plan, Run
from tests.torture.streams import ServerSentReader, WebSocketReader
from tests.torture.sufficiency import WAYS, exercised, shortcomings
from tests.torture.weakening import WEAKENINGS, weakened

SECONDS = 12.0
EVENTS = ("lock.claimed", "task.started", "task.completed", "task.reopened", "task.unblocked")
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
            replace(heard(6, "distribute", "fail"), plan=AskedPlan(id="p", depends_on={"t": ()})),
            replace(heard(7, "sync", "fail"), code="task_taken"),
            replace(heard(8, "sync", "fail"), code="task_waits"),
        ),
        events=tuple(
            Event(session="s", seq=seq, kind=kind, created_at=1.0, task="t", kept=("t",))
            for seq, kind in enumerate(EVENTS, start=1)
        ),
        waiters=(Waiter(session="s", ticket=1, agent="a", paths=("x",), enqueued_at=1.0, granted_at=2.0),),
        readers=tuple(Reader(id=way, session="s", seqs=(1,), until=1, way=way, resumed=2) for way in WAYS),
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


def without_event(kind: str) -> Callable[[History], History]:
    return lambda history: replace(history, events=tuple(e for e in history.events if e.kind != kind))


def never_kept(history: History) -> History:
    return replace(history, events=tuple(replace(event, kept=()) for event in history.events))


def readers(**change: Any) -> Callable[[History], History]:
    """Change the reader of Server-Sent Events."""
    return lambda history: replace(
        history,
        readers=tuple(
            replace(one, **change) if one.way == "Server-Sent Events" else one for one in history.readers
        ),
    )


def test_a_run_with_everything_in_it_was_enough() -> None:
    assert shortcomings(full_history(), EVERY_FAULT) == []


def test_a_run_says_how_much_it_did() -> None:
    told = exercised(full_history())
    assert told.startswith("0 plans, 1 of their tasks begun, 1 reports of an end, 1 reports refused")
    assert told.endswith("pages 2, Server-Sent Events 2, WebSocket 2, subscriptions/listen 2")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without("claim", "ok"), '0 of 1 claims heard "ok"'),
        (without("claim", "held"), '0 of 1 claims heard "held"'),
        (without("renew", "ok"), "no renew"),
        (without("release", "ok"), "no release"),
        (without("revoke", "ok"), "no revoke"),
        (no_waiters, "no waiter was granted"),
        (no_readers, "nobody read the events of s by pages"),
        (no_readers, "nobody read the events of s by subscriptions/listen"),
        (readers(seqs=()), "nobody read the events of s by Server-Sent Events"),
        (readers(resumed=0), "no reader by Server-Sent Events was broken off"),
        (without("distribute", "fail"), "no task of a plan was begun"),
        (without_event("task.started"), "no task of a plan was begun"),
        (without_event("task.completed"), "no task was completed"),
        (without_event("task.reopened"), "no task was opened again"),
        (without_event("task.unblocked"), "no task waited"),
        (never_kept, "no plan came while tasks of it had started"),
        (without("sync", "fail"), "nobody reached for a task that another had"),
        (without("sync", "fail"), "nobody reached for a task that waited for others"),
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


@pytest.mark.parametrize("name", WEAKENINGS)
def test_every_weakening_still_has_something_to_weaken(name: str) -> None:
    function, condition, instead = WEAKENINGS[name]
    body = weakened([name])[function]
    assert f"FUNCTION coordination_{function}(" in body
    assert body.count(condition) == instead.count(condition)


def test_a_function_that_is_weakened_in_two_ways_is_so_in_both() -> None:
    (body,) = weakened(["tasks-are-taken-away", "tasks-begin-early"]).values()
    assert all(WEAKENINGS[name][2] in body for name in ("tasks-are-taken-away", "tasks-begin-early"))
    assert WEAKENINGS["tasks-begin-early"][1] not in body


@pytest.mark.torture
async def test_a_run_on_a_weakened_service_finds_what_is_broken(tmp_path: Path) -> None:
    functions = [name for name in WEAKENINGS if name != "trees-do-not-cover"]
    plan = Plan(seed=3, seconds=SECONDS, weakenings=(*functions, *service.WEAKENINGS))
    outcome = await Run(plan, tmp_path).carry_out()
    assert outcome.broken == []
    found = judge(outcome.history)
    # Some were begun before what they wait for, and some were given out before that.
    assert any("which waits for [" in violation.message for violation in found)
    assert {Rule.EXPIRY, Rule.QUEUE, Rule.TAKEN, Rule.KEPT} <= {violation.rule for violation in found}
    assert any("which waited for others" in violation.message for violation in found)
    missed = [violation.message for violation in found if " missed [" in violation.message]
    for way in (ServerSentReader.way, WebSocketReader.way, Listener.way):
        assert any(way in message for message in missed)
    # Tasks that anybody gets at any time and plans that keep nothing: no more is missing.
    missing = {
        "nobody reached for a task that another had",
        "nobody reached for a task that waited for others",
        "no plan came while tasks of it had started",
    }
    assert set(shortcomings(outcome.history, None)) <= missing
