"""Ways to spoil a right history, each breaking one promise: for a history, every place where it can be done.

A spoiler yields the spoilt histories lazily, as functions, so that a test draws one place and spoils only
there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from tests.history.checker import Call, Event, History, Lease, LockRow, Rule
from tests.history.reference import overlap

Spoilt = Callable[[], History]
Spoiler = Callable[[History], Iterator[Spoilt]]


def renumbered(history: History, events: Sequence[Event]) -> History:
    """The history with other events, numbered densely in their order, and without readers."""
    dense = tuple(replace(event, seq=number) for number, event in enumerate(events, start=1))
    return replace(history, events=dense, readers=())


def with_leases(history: History, change: Callable[[Lease], Lease]) -> History:
    """The history with every mention of a lease changed."""
    return replace(
        history,
        calls=tuple(replace(call, leases=tuple(map(change, call.leases))) for call in history.calls),
        events=tuple(replace(event, leases=tuple(map(change, event.leases))) for event in history.events),
        locks=tuple(replace(row, lease=change(row.lease)) for row in history.locks),
    )


def grants(history: History) -> list[tuple[Event, Lease]]:
    """Every lease with the event that granted it, in order."""
    return [
        (event, lease) for event in history.events if event.kind == "lock.claimed" for lease in event.leases
    ]


def answered(history: History, kind: str) -> list[Call]:
    """Calls of one kind that were told of leases."""
    return [call for call in history.calls if call.kind == kind and call.outcome == "ok" and call.leases]


def gap(history: History) -> Iterator[Spoilt]:
    for lost in history.events[:-1]:
        yield lambda lost=lost: replace(history, events=tuple(e for e in history.events if e is not lost))


def double(history: History) -> Iterator[Spoilt]:
    for event in history.events:
        yield lambda event=event: replace(history, events=(*history.events, event))


def swapped_numbers(history: History) -> Iterator[Spoilt]:
    for one, two in pairwise(history.events):
        if one.created_at < two.created_at:
            change = {one.seq: two.seq, two.seq: one.seq}
            yield lambda change=change: replace(
                history, events=tuple(replace(e, seq=change.get(e.seq, e.seq)) for e in history.events)
            )


def unwritten(history: History) -> Iterator[Spoilt]:
    told = [call for call in history.calls if call.outcome == "ok" and call.leases]
    before = set[tuple[int, float | None]]()
    for lost in history.events:
        # A renewal that prolonged nothing changed no state: without its event nothing is missing.
        repeats = before if lost.kind == "lock.renewed" else set[tuple[int, float | None]]()
        news = {(lease.token, lease.expires_at) for lease in lost.leases} - repeats
        before |= news
        if any(_tells_of(call, lost, news) for call in told):
            yield lambda lost=lost: renumbered(history, [e for e in history.events if e is not lost])


def _tells_of(call: Call, event: Event, news: set[tuple[int, float | None]]) -> bool:
    """Whether the call's client was told of what the event says, as its own deed."""
    then = call.invoked <= event.created_at <= (call.completed or 0.0)
    return then and any((lease.token, lease.expires_at) in news for lease in call.leases)


def vanished(history: History) -> Iterator[Spoilt]:
    for row in history.locks:
        if (row.lease.expires_at or 0.0) > (history.header.snapshot_at or 0.0):
            yield lambda row=row: replace(history, locks=tuple(r for r in history.locks if r is not row))


def undead(history: History) -> Iterator[Spoilt]:
    for event in history.events:
        if event.kind in {"lock.released", "lock.revoked"}:
            for lease in event.leases:
                if (lease.expires_at or 0.0) > (history.header.snapshot_at or 0.0):
                    row = LockRow(session=event.session, agent=event.agent, lease=lease)
                    yield lambda row=row: replace(history, locks=(*history.locks, row))


def repeated_token(history: History) -> Iterator[Spoilt]:
    for (before, one), (after, two) in pairwise(grants(history)):
        if before.created_at < after.created_at:
            yield lambda one=one, two=two: with_leases(
                history, lambda lease: replace(lease, token=one.token) if lease.token == two.token else lease
            )


def swapped_tokens(history: History) -> Iterator[Spoilt]:
    for (before, one), (after, two) in pairwise(grants(history)):
        if before.created_at < after.created_at:
            change = {one.token: two.token, two.token: one.token}
            yield lambda change=change: with_leases(
                history, lambda lease: replace(lease, token=change.get(lease.token, lease.token))
            )


def granted_in_part(history: History) -> Iterator[Spoilt]:
    for call in answered(history, "claim"):
        if len(call.leases) > 1:
            yield lambda call=call: _instead(history, call, replace(call, leases=call.leases[1:]))


def refused_and_taken(history: History) -> Iterator[Spoilt]:
    unheard = {call.agent for call in history.calls if call.outcome == "unknown"}
    granted = {(lease.token, lease.granted_at): event for event, lease in grants(history)}
    for call in answered(history, "claim"):
        new = all((lease.token, lease.granted_at) in granted for lease in call.leases)
        recent = all((lease.granted_at or 0.0) > (call.completed or 0.0) - 0.005 for lease in call.leases)
        if new and recent and call.agent not in unheard:
            yield lambda call=call: _instead(history, call, replace(call, outcome="held", leases=()))


def _instead(history: History, old: Call, new: Call) -> History:
    return replace(history, calls=tuple(new if call is old else call for call in history.calls))


def released_late(history: History) -> Iterator[Spoilt]:
    for event in history.events:
        if event.kind == "lock.released":
            for lease in event.leases:
                half = ((lease.granted_at or 0.0) + event.created_at) / 2
                yield lambda lease=lease, half=half: _expiring(history, lease, half)


def expired_early(history: History) -> Iterator[Spoilt]:
    for event in history.events:
        if event.kind == "lock.expired":
            for lease in event.leases:
                until = event.created_at + 100
                yield lambda lease=lease, until=until: _expiring(history, lease, until)


def _expiring(history: History, lease: Lease, until: float) -> History:
    return with_leases(
        history, lambda each: replace(each, expires_at=until) if each.token == lease.token else each
    )


def expired_silently(history: History) -> Iterator[Spoilt]:
    for lost in history.events:
        over = [
            (grant, lease)
            for grant, lease in grants(history)
            if lost.kind == "lock.expired"
            and grant.created_at == lost.created_at
            and grant.agent != lost.agent
        ]
        if any(_exclude(lease, lost.leases[0]) for _, lease in over):
            yield lambda lost=lost: renumbered(history, [e for e in history.events if e is not lost])


def release_dropped(history: History) -> Iterator[Spoilt]:
    for number, lost in enumerate(history.events):
        if lost.kind not in {"lock.released", "lock.revoked"}:
            continue
        rest = replace(history, events=history.events[number:])
        if any(_taken_next(rest, lost.agent, lease) for lease in lost.leases):
            tokens = {lease.token for lease in lost.leases}
            kind = "release" if lost.kind == "lock.released" else "revoke"
            calls = tuple(
                c for c in history.calls if c.kind != kind or tokens.isdisjoint({x.token for x in c.leases})
            )
            yield lambda lost=lost, calls=calls: renumbered(
                replace(history, calls=calls), [e for e in history.events if e is not lost]
            )


def _taken_next(rest: History, agent: str, lease: Lease) -> bool:
    """Whether somebody else takes the path before the lease would have expired and before its holder does."""
    for event, other in grants(rest):
        if event.agent == agent and other.path == lease.path:
            return False
        if event.agent != agent and _exclude(lease, other):
            return event.created_at < (lease.expires_at or 0.0)
    return False


def _exclude(one: Lease, other: Lease) -> bool:
    return overlap(one.path, other.path) and not (one.operation == "read" == other.operation)


def released_twice(history: History) -> Iterator[Spoilt]:
    for call in answered(history, "release"):
        again = replace(
            call,
            id=len(history.calls) + 1,
            invoked=call.invoked + 0.005,
            completed=(call.completed or 0.0) + 0.005,
        )
        yield lambda again=again: replace(history, calls=(*history.calls, again))


def reader_missed(history: History) -> Iterator[Spoilt]:
    [reader] = history.readers
    for seq in reader.seqs:
        short = replace(reader, seqs=tuple(each for each in reader.seqs if each != seq))
        yield lambda short=short: replace(history, readers=(short,))


def reader_repeated(history: History) -> Iterator[Spoilt]:
    [reader] = history.readers
    for number in range(len(reader.seqs)):
        again = replace(reader, seqs=(*reader.seqs[: number + 1], *reader.seqs[number:]))
        yield lambda again=again: replace(history, readers=(again,))


def tickets_swapped(history: History) -> Iterator[Spoilt]:
    for one, two in pairwise(sorted(history.waiters, key=lambda waiter: waiter.ticket)):
        if one.enqueued_at < two.enqueued_at:
            rest = [waiter for waiter in history.waiters if waiter is not one and waiter is not two]
            swapped = (*rest, replace(one, ticket=two.ticket), replace(two, ticket=one.ticket))
            yield lambda swapped=swapped: replace(history, waiters=swapped)


SPOILERS: dict[Spoiler, Rule] = {
    gap: Rule.EVENTS,
    double: Rule.EVENTS,
    swapped_numbers: Rule.EVENTS,
    unwritten: Rule.EVENTS,
    reader_missed: Rule.EVENTS,
    reader_repeated: Rule.EVENTS,
    vanished: Rule.DURABILITY,
    undead: Rule.DURABILITY,
    repeated_token: Rule.FENCING,
    swapped_tokens: Rule.FENCING,
    granted_in_part: Rule.ALL_OR_NOTHING,
    refused_and_taken: Rule.ALL_OR_NOTHING,
    released_late: Rule.EXPIRY,
    expired_early: Rule.EXPIRY,
    expired_silently: Rule.EXPIRY,
    release_dropped: Rule.EXCLUSION,
    released_twice: Rule.HOLDER,
    tickets_swapped: Rule.QUEUE,
}
