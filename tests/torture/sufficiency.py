"""Whether a run did enough for its verdict to mean something: a run in which nothing happened proves nothing.

It asks for shares and for kinds, not for numbers that a slow machine misses.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from tests.history.checker import History
from tests.torture.faults import KINDS
from tests.torture.polling import Listener, PageReader
from tests.torture.streams import ServerSentReader, WebSocketReader

LEAST_SHARES: Final = {"ok": 0.1, "held": 0.05}
"""Of all claims, how many at least must have heard that answer."""
WAYS: Final = tuple(kind.way for kind in (PageReader, ServerSentReader, WebSocketReader, Listener))
_TASK_EVENTS: Final = {
    "task.completed": "no task was completed",
    "task.reopened": "no task was opened again",
    "task.unblocked": "no task waited for another until that was completed",
}


def shortcomings(history: History, faults: Mapping[str, int] | None) -> list[str]:
    """What is missing from a run, in plain words; `faults` counts those that happened, None when none were meant to."""
    return [*_faults(faults), *_claims(history), *_others(history), *_tasks(history), *_readers(history)]


def exercised(history: History) -> str:
    """How much of it was about tasks, and how the readers fared, in one line."""
    kinds = Counter(event.kind for event in history.events)
    resumed: dict[str, int] = defaultdict(int)
    for reader in history.readers:
        resumed[reader.way] += reader.resumed
    ways = ", ".join(f"{way} {count}" for way, count in resumed.items())
    return (
        f"{kinds['plan.distributed']} plans, {len(_begun(history))} of their tasks begun,"
        f" {kinds['task.completed']} reports of an end, {_refused(history, 'task_taken')} reports refused because"
        f" another had the task, {_refused(history, 'task_waits')} because it waited; readers broken off and gone on:"
        f" {ways}"
    )


def _faults(faults: Mapping[str, int] | None) -> Iterator[str]:
    for name in KINDS if faults is not None else ():
        if not (faults or {}).get(name):
            yield f'the fault "{name}" did not happen'


def _claims(history: History) -> Iterator[str]:
    heard = Counter(call.outcome for call in history.calls if call.kind == "claim")
    for outcome, share in LEAST_SHARES.items():
        if heard[outcome] < share * max(heard.total(), 1):
            yield f'only {heard[outcome]} of {heard.total()} claims heard "{outcome}"; {share:.0%} must'


def _others(history: History) -> Iterator[str]:
    told = {call.kind for call in history.calls if call.outcome == "ok" and call.leases}
    for kind in ("renew", "release", "revoke"):
        if kind not in told:
            yield f"no {kind} took effect"
    if not any(waiter.granted_at is not None for waiter in history.waiters):
        yield "no waiter was granted from the queue"
    if len({call.checkout for call in history.calls if call.outcome == "ok"}) < 2:
        yield "all claims were of one checkout"


def _tasks(history: History) -> Iterator[str]:
    if not _begun(history):
        yield "no task of a plan was begun"
    kinds = {event.kind for event in history.events}
    for kind, what in _TASK_EVENTS.items():
        if kind not in kinds:
            yield what
    if not any(event.kept for event in history.events):
        yield "no plan came while tasks of it had started"
    if not _refused(history, "task_taken"):
        yield "nobody reached for a task that another had"
    if not _refused(history, "task_waits"):
        yield "nobody reached for a task that waited for others"


def _readers(history: History) -> Iterator[str]:
    for session in sorted({event.session for event in history.events}):
        ways = {reader.way for reader in history.readers if reader.session == session and reader.seqs}
        for way in WAYS:
            if way not in ways:
                yield f"nobody read the events of {session} by {way}"
    for way in WAYS:
        if not any(reader.way == way and reader.resumed for reader in history.readers):
            yield f"no reader by {way} was broken off and went on"


def _begun(history: History) -> set[tuple[str, str]]:
    planned = {(call.session, task) for call in history.calls if call.plan for task in call.plan.depends_on}
    return planned & {(event.session, event.task) for event in history.events if event.kind == "task.started"}


def _refused(history: History, code: str) -> int:
    return sum(call.code == code for call in history.calls)
