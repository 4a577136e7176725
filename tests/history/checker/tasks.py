"""What became of the tasks of one session, event by event: who had each, and when which could be given out.

Events of a session have one order, and with it every state between two of them is known. A step holds an event beside
the state that it met. What of this is a violation is decided in `rules.tasks`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.history.checker.records import Event, TaskStatus

FOREVER = float("inf")
PLANNED: Final = "plan.distributed"
STATUSES: Final[dict[str, TaskStatus]] = {
    "task.started": "started",
    "task.reopened": "started",
    "task.progressed": "in_progress",
    "task.blocked": "blocked",
    "task.completed": "completed",
    "task.failed": "failed",
}
CLOSED: Final = frozenset({"task.completed", "task.failed"})
Predecessors = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a task.

    Attributes:
        before: the last event of that task until then, if there was any.
        unfinished: the tasks it should have waited for, by the plan of that time.
        takes: whether the agent began it here, for the first time or anew.
    """

    event: Event
    before: Event | None
    unfinished: tuple[str, ...]
    takes: bool


@dataclass(frozen=True, slots=True)
class Distribution:
    """One plan that was handed out, and which of its tasks had started before; None for a plan nobody asked for."""

    event: Event
    started: tuple[str, ...] | None


class TaskLog:
    """The tasks of one session over time.

    Args:
        events: of the session, in order; others than those of tasks and plans are passed over.
        asked: what each plan's tasks wait for, by the plan's id.

    Attributes:
        begun: the first event of every task that was ever taken; `last` its last one.
        offers: for every task the spans in which it was free and waited for nothing.
    """

    def __init__(self, events: Iterable[Event], asked: Mapping[str, Predecessors]) -> None:
        self.steps: list[Step] = []
        self.distributions: list[Distribution] = []
        self.begun: dict[str, Event] = {}
        self.last: dict[str, Event] = {}
        self.offers: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._plan: Predecessors = {}
        self._kept: frozenset[str] = frozenset()
        self._ready: dict[str, float] = {}
        for event in events:
            if event.kind == PLANNED:
                self._distribute(event, asked.get(event.plan))
            elif event.kind in STATUSES:
                unfinished = self._unfinished(event.task)
                before = self.last.get(event.task)
                self.steps.append(Step(event, before, unfinished, self._takes(event, before)))
                self.begun.setdefault(event.task, event)
                self.last[event.task] = event
            else:
                continue
            self._look(event.created_at)
        self._plan = {}
        self._look(FOREVER)

    def offered(self, task: str, since: float, until: float) -> bool:
        """Whether it could be given out at some instant between these two."""
        return any(start <= until and since <= end for start, end in self.offers[task])

    def _distribute(self, event: Event, plan: Predecessors | None) -> None:
        # What failed is free again when it is planned again.
        for task in plan or ():
            if task in self.last and self.last[task].kind == "task.failed":
                del self.last[task]
        started = None if plan is None else tuple(task for task in plan if task in self.last)
        self.distributions.append(Distribution(event, started))
        self._kept = frozenset(started or ())
        self._plan = plan or {}

    def _takes(self, event: Event, before: Event | None) -> bool:
        if before is None:
            return True
        # What had begun when the plan came goes on by what an earlier one said.
        left = before.kind == "task.failed" or (before.kind == "task.blocked" and before.agent != event.agent)
        return left and event.task not in self._kept

    def _unfinished(self, task: str) -> tuple[str, ...]:
        return tuple(other for other in self._plan.get(task, ()) if not self._completed(other))

    def _completed(self, task: str) -> bool:
        return task in self.last and self.last[task].kind == "task.completed"

    def _look(self, now: float) -> None:
        """Note which tasks can be given out from now on, and which no more."""
        ready = {task for task in self._plan if task not in self.last and not self._unfinished(task)}
        for task in self._ready.keys() - ready:
            self.offers[task].append((self._ready.pop(task), now))
        for task in ready - self._ready.keys():
            self._ready[task] = now
