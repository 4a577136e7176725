"""Rule 8: state and its events commit together, and readers miss none.

Numbers are dense from 1 in each session and time never runs backwards along them; every acknowledged change
has its event; a reader sees each event after its cursor once, in order, and as it is in the table. (That each
grant event has a call is judged with rule 2, and the events of tasks are judged with tasks.)
"""

from collections import defaultdict
from collections.abc import Iterator

from tests.history.checker.acts import Act, microseconds
from tests.history.checker.case import Case, Rule, Violation, blame
from tests.history.checker.records import Event, Reader


def judge(case: Case) -> Iterator[Violation]:
    """Yield disorder in the numbers, events that were not written, and what readers missed or repeated."""
    if not case.has_events:
        return
    sessions: dict[str, list[Event]] = defaultdict(list)
    for event in case.history.events:
        sessions[event.session].append(event)
    for events in sessions.values():
        events.sort(key=lambda event: event.seq)
        yield from _numbers(events)
    yield from _unwritten(case)
    yield from _promised(case)
    for reader in case.history.readers:
        yield from _reader(reader, sessions.get(reader.session, []))


def _numbers(events: list[Event]) -> Iterator[Violation]:
    expected, before = 1, None
    for event in events:
        named = ((event.session, event.seq),)
        if event.seq < expected:
            yield Violation(Rule.EVENTS, f"{event} has a number that was used before", seqs=named)
        elif event.seq > expected:
            message = f"before {event} the numbers {expected} to {event.seq - 1} are missing"
            yield Violation(Rule.EVENTS, message, seqs=named)
        if before is not None and event.created_at < before.created_at:
            yield Violation(Rule.EVENTS, f"{event} was created before {before}", seqs=named)
        expected, before = event.seq + 1, event


def _unwritten(case: Case) -> Iterator[Violation]:
    silent: dict[int, list[Act]] = defaultdict(list)
    for act in case.log.all():
        if act.call is not None and act.event is None:
            silent[act.call.id].append(act)
    for acts in silent.values():
        what = [f'{act.deed} of "{act.path or "."}" with token {act.lease.token}' for act in acts]
        yield blame(Rule.EVENTS, f"{acts[0].call} was acknowledged and has no event for {what}", *acts)


def _promised(case: Case) -> Iterator[Violation]:
    written = {(event.session, event.seq) for event in case.history.events}
    for call in case.history.calls:
        for seq in call.seqs:
            if call.outcome == "ok" and (call.session, seq) not in written:
                yield blame(Rule.EVENTS, f"{call} was told of event {seq}, which does not exist", call)


def _reader(reader: Reader, events: list[Event]) -> Iterator[Violation]:
    reached = reader.until if reader.until is not None else max(reader.seqs, default=reader.after)
    due = {
        event.seq: event
        for event in events
        if reader.after < event.seq <= reached and (reader.kinds is None or event.kind in reader.kinds)
    }
    name = f"reader {reader.id} of {reader.session}"
    if missed := sorted(set(due) - set(reader.seqs)):
        message = f"{name} missed {missed[:10]}"
        yield Violation(Rule.EVENTS, message, seqs=tuple((reader.session, seq) for seq in missed[:10]))
    if strange := sorted(set(reader.seqs) - set(due)):
        yield Violation(Rule.EVENTS, f"{name} saw {strange[:10]}, which it had read or which do not exist")
    if any(later <= earlier for earlier, later in zip(reader.seqs, reader.seqs[1:], strict=False)):
        yield Violation(Rule.EVENTS, f"{name} saw an event twice or out of order")
    for seq, (kind, created_at) in zip(reader.seqs, reader.told or (), strict=False):
        event = due.get(seq)
        if event is not None and (event.kind, microseconds(event.created_at)) != (
            kind,
            microseconds(created_at),
        ):
            message = f"{name} saw event {seq} as {kind} at {created_at:.6f}, and it is {event}"
            yield Violation(Rule.EVENTS, message, seqs=((reader.session, seq),))
