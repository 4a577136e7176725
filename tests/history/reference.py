"""A lock table as simple as it can be, one step after the other: what it does is right by being obvious.

It shares nothing with the checker but the words of a history. Time advances by itself: a hundredth for each
step, and waiters are looked at after every step and every second. An agent that holds something never waits
here, so nothing can stand still.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tests.history.checker import Call, History, Lease, Reader
from tests.history.checker.records import FileOperation, Waiter
from tests.history.scenario import SESSION, Scenario


@dataclass(frozen=True, slots=True)
class Step:
    """What one agent does next, after a pause.

    Attributes:
        does: claim, renew, release or revoke (of whatever the agent holds).
        lost: the client never hears the answer.
        waits: a claim that finds something in its way queues for so many seconds.
    """

    does: str
    agent: str
    paths: tuple[str, ...]
    operation: FileOperation
    pause: int
    ttl: int
    waits: int
    lost: bool


@dataclass(slots=True)
class Row:
    """One lease that was granted and not taken away, expired or not."""

    agent: str
    lease: Lease

    def expired(self, now: float) -> bool:
        """Whether its time is over."""
        return (self.lease.expires_at or 0.0) <= now


@dataclass(slots=True)
class Waiting:
    """One claim that waits."""

    step: Step
    since: float
    deadline: float
    ticket: int


def overlap(one: str, other: str) -> bool:
    """Whether one path is the other or lies below it."""
    return "." in {one, other} or one == other or one.startswith(other + "/") or other.startswith(one + "/")


@dataclass(slots=True)
class ReferenceTable:
    """The table, its queue, and the history that it writes."""

    story: Scenario = field(default_factory=Scenario)
    now: float = 1000.0
    token: int = 0
    rows: list[Row] = field(default_factory=list[Row])
    queue: list[Waiting] = field(default_factory=list[Waiting])

    def run(self, steps: Iterable[Step]) -> History:
        """Carry out all steps, let the last waiters end, and give the history with its last snapshot."""
        for step in steps:
            self._pause(step.pause)
            if any(waiting.step.agent == step.agent for waiting in self.queue):
                continue
            self.now += 0.01
            if step.does == "claim":
                self._claim(step)
            else:
                self._act(step)
            self._serve()
        while self.queue:
            self._pause(1)
        for row in self.rows:
            self.story.keep_lease(row.agent, row.lease)
        history = self.story.history(snapshot_at=self.now + 1)
        seqs = tuple(event.seq for event in history.events)
        reader = Reader(id="whole", session=SESSION, seqs=seqs, until=len(seqs))
        return replace(history, readers=(reader,))

    def _pause(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1.0
            for waiting in [each for each in self.queue if each.deadline <= self.now]:
                self._leave(waiting, granted=False)
                self._tell(waiting.step, "held", since=waiting.since)
            self._serve()

    def _serve(self) -> None:
        for waiting in list(self.queue):
            self.now += 0.01
            if not self._in_the_way(waiting.step, waiting.ticket):
                self._leave(waiting, granted=True)
                self._grant(waiting.step, since=waiting.since)

    def _claim(self, step: Step) -> None:
        if not self._in_the_way(step, 10**9):
            self._grant(step, since=self.now)
        elif step.waits and not any(row.agent == step.agent for row in self.rows):
            ticket = len(self.story.waiters) + len(self.queue) + 1
            self.queue.append(Waiting(step, self.now, self.now + step.waits, ticket))
        else:
            self._tell(step, "held", since=self.now)

    def _in_the_way(self, step: Step, ticket: int) -> bool:
        return any(
            row.agent != step.agent and not row.expired(self.now) and _exclude(step, row) for row in self.rows
        ) or any(
            waiting.ticket < ticket
            and any(overlap(path, other) for path in step.paths for other in waiting.step.paths)
            and not (waiting.step.operation == "read" == step.operation)
            and not self._blocks(step.agent, waiting.step)
            for waiting in self.queue
        )

    def _blocks(self, agent: str, step: Step) -> bool:
        mine = (row for row in self.rows if row.agent == agent and not row.expired(self.now))
        return any(_exclude(step, row) for row in mine)

    def _leave(self, waiting: Waiting, *, granted: bool) -> None:
        self.queue.remove(waiting)
        step = waiting.step
        self.story.waiters.append(
            Waiter(
                session=SESSION,
                ticket=waiting.ticket,
                agent=step.agent,
                paths=step.paths,
                operation=step.operation,
                enqueued_at=waiting.since,
                live=((waiting.since, self.now),),
                granted_at=self.now if granted else None,
                left_at=None if granted else self.now,
            )
        )

    def _grant(self, step: Step, *, since: float) -> None:
        until = self.now + step.ttl
        kept, fresh = list[Lease](), list[Lease]()
        prolonged = list[Lease]()
        for path in step.paths:
            own = self._own(step, path)
            if own is None:
                self.token += 1
                lease = Lease(path=path, token=self.token, operation=step.operation)
                fresh.append(replace(lease, granted_at=self.now, expires_at=until))
                continue
            if (own.lease.expires_at or 0.0) < until:
                own.lease = replace(own.lease, expires_at=until)
                prolonged.append(own.lease)
            kept.append(own.lease)
        for lease in fresh:
            self._clear(step.agent, lease.path)
        self.story.event("lock.claimed", step.agent, fresh, at=self.now)
        self.story.event("lock.renewed", step.agent, prolonged, at=self.now)
        self.rows.extend(Row(step.agent, lease) for lease in fresh)
        self._tell(step, "ok", leases=[*kept, *fresh], since=since)

    def _own(self, step: Step, path: str) -> Row | None:
        """The caller's live lease on exactly this path, if it is as strong as what is asked."""
        for row in self.rows:
            strong = step.operation in {row.lease.operation, "read"}
            if row.agent == step.agent and row.lease.path == path and not row.expired(self.now) and strong:
                return row
        return None

    def _clear(self, agent: str, path: str) -> None:
        """Remove what has expired under a new grant, and the grant that it replaces."""
        for row in list(self.rows):
            if row.expired(self.now) and overlap(row.lease.path, path):
                self.story.event("lock.expired", row.agent, [row.lease], at=self.now)
                self.rows.remove(row)
            elif row.agent == agent and row.lease.path == path:
                self.rows.remove(row)

    def _act(self, step: Step) -> None:
        """Renew, release or revoke everything that the agent holds live."""
        mine = [row for row in self.rows if row.agent == step.agent and not row.expired(self.now)]
        if step.does == "renew":
            for row in mine:
                later = max(row.lease.expires_at or 0.0, self.now + step.ttl)
                row.lease = replace(row.lease, expires_at=later)
        else:
            self.rows = [row for row in self.rows if row not in mine]
        leases = [row.lease for row in mine]
        self.story.event(f"lock.{step.does.removesuffix('e')}ed", step.agent, leases, at=self.now)
        self._tell(replace(step, paths=tuple(lease.path for lease in leases)), "ok", leases=leases)

    def _tell(
        self, step: Step, outcome: str, *, leases: Iterable[Lease] = (), since: float | None = None
    ) -> Call:
        said = "unknown" if step.lost else ("ok" if outcome == "ok" else "held")
        who = "a person" if step.does == "revoke" else step.agent
        call = self.story.call(
            who, step.does, step.paths, at=self.now, outcome=said, leases=leases, since=since
        )
        self.story.calls[-1] = replace(call, operation=step.operation, ttl_seconds=float(step.ttl))
        return self.story.calls[-1]


def _exclude(step: Step, row: Row) -> bool:
    shared = step.operation == "read" == row.lease.operation
    return not shared and any(overlap(path, row.lease.path) for path in step.paths)
