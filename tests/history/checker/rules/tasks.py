"""What agents rely on when they share tasks: one agent has a task, it waits for its predecessors, it stays done.

Nobody has a task as long as another one has it who is there. A task that waits for others is neither given out nor
begun. What was reported stays, whatever plan comes: a closed task changes only when it is started again, and at the
end the table says what the last report said. Every report and plan is one event, as with all changes (rule 8).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tests.history.checker.case import Case, Rule, Violation
from tests.history.checker.records import Call, Event
from tests.history.checker.tasks import CLOSED, PLANNED, STATUSES, Distribution, Step, TaskLog

_Key = tuple[str, str, str, str]


def judge(case: Case) -> Iterator[Violation]:
    """Yield tasks of two agents, tasks that came too early, what was undone, and reports without their event."""
    if not (case.has_events and case.history.header.tasks):
        return
    sessions: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(case.history.events, key=lambda event: event.seq):
        sessions[event.session].append(event)
    logs = {name: TaskLog(events, _asked(case, name)) for name, events in sessions.items()}
    heard = _heard(case)
    for log in logs.values():
        for step in log.steps:
            yield from _taken(case, step, heard)
            yield from _early(step)
            yield from _changed(step)
        for distribution in log.distributions:
            yield from _kept(distribution)
    yield from _offers(case, logs)
    yield from _rows(case, logs)
    yield from _Matching(case).judge()


def _asked(case: Case, session: str) -> dict[str, Mapping[str, tuple[str, ...]]]:
    return {
        call.plan.id: call.plan.depends_on
        for call in case.history.calls
        if call.plan is not None and call.session == session
    }


def _heard(case: Case) -> Mapping[tuple[str, str], Sequence[float]]:
    """When every agent certainly was there: by its events, and by the beginnings of calls that were answered."""
    heard: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in case.history.events:
        if event.kind in STATUSES or event.kind == PLANNED:
            heard[event.session, event.agent].append(event.created_at)
    for call in case.history.calls:
        if call.outcome in {"ok", "held"} and call.kind != "revoke":
            heard[call.session, call.agent].append(case.clocks.earliest(call))
    return {agent: sorted(instants) for agent, instants in heard.items()}


def _taken(case: Case, step: Step, heard: Mapping[tuple[str, str], Sequence[float]]) -> Iterator[Violation]:
    event, before = step.event, step.before
    if before is None or before.kind in CLOSED or before.agent == event.agent:
        return
    instants = heard.get((event.session, before.agent), ())
    since = event.created_at - case.limits.here_seconds
    if bisect_left(instants, since) < bisect_right(instants, event.created_at):
        message = f'{event} took "{event.task}", which {before.agent} had since {before}'
        yield _violation(Rule.TAKEN, message, before, event)


def _early(step: Step) -> Iterator[Violation]:
    """A task that was begun before what it waits for was completed; its end may be reported at any time."""
    event = step.event
    if step.takes and step.unfinished and event.kind not in CLOSED:
        message = f'{event} took "{event.task}", which waits for {list(step.unfinished)}'
        yield _violation(Rule.ORDER, message, event)


def _changed(step: Step) -> Iterator[Violation]:
    event, before = step.event, step.before
    closed = before is not None and before.kind in CLOSED
    if event.kind == "task.reopened":
        if not closed:
            yield _violation(Rule.KEPT, f"{event} opens again what was not closed", event)
    elif before is not None and closed and (event.kind, event.agent) != (before.kind, before.agent):
        yield _violation(
            Rule.KEPT, f'{event} changed "{event.task}", which {before} had closed', before, event
        )


def _kept(distribution: Distribution) -> Iterator[Violation]:
    event = distribution.event
    if distribution.started is None:
        yield _violation(
            Rule.EVENTS, f"{event} hands out the plan {event.plan}, for which nobody asked", event
        )
        return
    if replaced := sorted(set(distribution.started) - set(event.kept)):
        yield _violation(Rule.KEPT, f"{event} replaced {replaced}, which had started", event)
    if invented := sorted(set(event.kept) - set(distribution.started)):
        yield _violation(Rule.KEPT, f"{event} kept {invented}, which had not started", event)


def _offers(case: Case, logs: Mapping[str, TaskLog]) -> Iterator[Violation]:
    for call in case.history.calls:
        if not call.offered or call.outcome != "ok":
            continue
        log = logs.get(call.session) or TaskLog((), {})
        since, until = case.clocks.earliest(call), case.clocks.latest(call)
        if not log.offered(call.offered, since, until):
            begun = call.offered in log.begun and log.begun[call.offered].created_at < since
            why = f"{log.begun[call.offered]} had begun" if begun else "waited for others or was not planned"
            message = f'{call} was offered "{call.offered}", which {why}'
            yield Violation(Rule.ORDER, message, calls=(call.id,))


def _rows(case: Case, logs: Mapping[str, TaskLog]) -> Iterator[Violation]:
    """Compare the table at the end with the last event of every task."""
    if case.history.header.snapshot_at is None:
        return
    rows = {(row.session, row.id): row for row in case.history.tasks}
    for session, log in logs.items():
        for task, event in log.last.items():
            row = rows.pop((session, task), None)
            if row is None:
                yield _violation(Rule.KEPT, f'"{task}" is no longer there after {event}', event)
            elif (row.status, row.agent) != (STATUSES[event.kind], event.agent):
                message = f'"{task}" is {row.status} by {row.agent or "nobody"} at the end, after {event}'
                yield _violation(Rule.KEPT, message, event)
    for row in rows.values():
        if row.status != "pending":
            message = f'"{row.id}" of {row.session} is {row.status} by {row.agent}, which no event explains'
            yield Violation(Rule.KEPT, message)


class _Matching:
    """Finds for every report and every plan its one event, and for every such event its one call."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._calls: dict[_Key, list[Call]] = defaultdict(list)
        self._events: dict[_Key, list[Event]] = defaultdict(list)
        for call in case.history.calls:
            if call.report is not None:
                self._calls[call.session, call.agent, call.report.task, call.report.status].append(call)
            if call.plan is not None:
                self._calls[call.session, call.agent, "", call.plan.id].append(call)
        for event in sorted(case.history.events, key=lambda event: event.seq):
            if event.kind in STATUSES:
                self._events[event.session, event.agent, event.task, STATUSES[event.kind]].append(event)
            elif event.kind == PLANNED:
                self._events[event.session, event.agent, "", event.plan].append(event)

    def judge(self) -> Iterator[Violation]:
        """Yield answers without an event, and events without a call that may have written them."""
        for key in self._calls.keys() | self._events.keys():
            yield from self._judge(self._calls[key], list(self._events[key]))

    def _judge(self, calls: Sequence[Call], events: list[Event]) -> Iterator[Violation]:
        for call in calls:
            if call.outcome == "ok":
                event = next((event for event in events if self._fits(call, event)), None)
                if event is None:
                    message = f"{call} was acknowledged and has no event"
                    yield Violation(Rule.EVENTS, message, calls=(call.id,))
                else:
                    events.remove(event)
        unheard = [call for call in calls if call.outcome == "unknown"]
        for event in events:
            call = next((call for call in unheard if self._fits(call, event)), None)
            if call is None:
                yield self._orphan(calls, event)
            else:
                unheard.remove(call)

    def _orphan(self, calls: Sequence[Call], event: Event) -> Violation:
        refused = (call for call in calls if call.outcome == "fail" and self._fits(call, event))
        if (call := next(refused, None)) is not None:
            return _violation(Rule.EVENTS, f"{call} was refused, and yet wrote {event}", event)
        return _violation(Rule.EVENTS, f"{event} belongs to no call that asked", event)

    def _fits(self, call: Call, event: Event) -> bool:
        clocks = self._case.clocks
        return clocks.earliest(call) <= event.created_at <= clocks.latest(call)


def _violation(rule: Rule, message: str, *events: Event) -> Violation:
    return Violation(rule, message, seqs=tuple((event.session, event.seq) for event in events))
