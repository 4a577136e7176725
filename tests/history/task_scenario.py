"""Writes histories of tasks for tests: each step is a call and its event, right unless a test asks for wrong ones."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.history.checker import AskedPlan, Call, Event, Header, History, TaskReport, TaskRow
from tests.history.checker.records import Outcome, TaskStatus
from tests.history.checker.tasks import CLOSED, PLANNED, STATUSES
from tests.history.scenario import SESSION, Scenario

_KINDS: Mapping[TaskStatus, str] = {
    status: kind for kind, status in STATUSES.items() if kind != "task.reopened"
}


class TaskScenario:
    """A history in the making; `last` holds the last event of every task."""

    def __init__(self) -> None:
        self._story = Scenario()
        self._planned: set[str] = set()
        self.last: dict[str, Event] = {}

    def distribute(
        self,
        plan: str,
        depends_on: Mapping[str, tuple[str, ...]],
        *,
        at: float,
        outcome: Outcome = "ok",
        written: bool = True,
    ) -> None:
        """The planner hands out a plan; what has started of it is kept, what failed is free again."""
        call = self._call("planner", "distribute", at, outcome)
        self._replace(call, plan=AskedPlan(id=plan, depends_on=dict(depends_on)))
        if written:
            for task in depends_on:
                if task in self.last and self.last[task].kind == "task.failed":
                    del self.last[task]
            kept = tuple(task for task in depends_on if task in self.last)
            self._write(
                Event(session=SESSION, seq=0, kind=PLANNED, created_at=at, plan=plan, kept=kept), "planner"
            )
            self._planned = set(depends_on) - self.last.keys()

    def sync(self, agent: str, *, at: float, offered: str = "") -> None:
        """An agent asks for its next task."""
        self._replace(self._call(agent, "sync", at, "ok"), offered=offered)

    def report(
        self,
        agent: str,
        task: str,
        status: TaskStatus,
        *,
        at: float,
        outcome: Outcome = "ok",
        written: bool = True,
        offered: str = "",
    ) -> None:
        """An agent reports on a task; `offered` is the next one that the answer names."""
        call = self._call(agent, "sync", at, outcome)
        self._replace(call, report=TaskReport(task=task, status=status), offered=offered)
        if written:
            before = self.last.get(task)
            again = status == "started" and before is not None and before.kind in CLOSED
            kind = "task.reopened" if again else _KINDS[status]
            self._write(Event(session=SESSION, seq=0, kind=kind, created_at=at, task=task), agent)
            self.last[task] = self._story.events[-1]

    def history(self) -> History:
        """The history, with the table of tasks as its events left it."""
        taken = [
            TaskRow(session=SESSION, id=task, status=STATUSES[event.kind], agent=event.agent)
            for task, event in self.last.items()
        ]
        pending = [
            TaskRow(session=SESSION, id=task, status="pending") for task in self._planned - self.last.keys()
        ]
        written = self._story.history(snapshot_at=10**6)
        header = Header(events=True, tasks=True, snapshot_at=10**6, clock_offset=0.0)
        return replace(written, header=header, tasks=(*taken, *pending))

    def _call(self, agent: str, kind: str, at: float, outcome: Outcome) -> Call:
        return self._story.call(agent, kind, (), at=at, outcome=outcome)

    def _replace(self, call: Call, **what: object) -> None:
        self._story.calls[-1] = replace(call, **what)  # pyright: ignore[reportArgumentType]  fields of a call

    def _write(self, event: Event, agent: str) -> None:
        self._story.events.append(replace(event, seq=len(self._story.events) + 1, agent=agent))


Change = Callable[[History], History]


def with_events(change: Callable[[Event], Event | None]) -> Change:
    """Change every event; those that become None are gone, and the others numbered anew."""

    def changed(history: History) -> History:
        kept = [event for event in map(change, history.events) if event is not None]
        dense = tuple(replace(event, seq=number) for number, event in enumerate(kept, start=1))
        return replace(history, events=dense)

    return changed


def with_rows(change: Callable[[TaskRow], TaskRow | None]) -> Change:
    """Change every row of the table of tasks; those that become None are gone."""
    return lambda history: replace(history, tasks=tuple(filter(None, map(change, history.tasks))))


def with_calls(change: Callable[[Call], Call | None]) -> Change:
    """Change every call; those that become None are gone."""
    return lambda history: replace(history, calls=tuple(filter(None, map(change, history.calls))))
