"""Who waited for whom, and when: the queue of one session, rebuilt by one sweep over time.

A place in the queue is blocked by leases that exclude it and by earlier places that exclude it. Each block
is an edge with the time in which it may have existed and, for leases, in which it certainly did. The sweep
also notes grants that may have overtaken a place and refusals that nothing explains. What of this is a
violation is decided in `rules.queue`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.history.checker.paths import Holding, PathIndex, PathSet, at_odds, conflict
from tests.history.checker.records import Call, Fault, Waiter
from tests.history.checker.tenures import Tenure

FOREVER = float("inf")
Span = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """One reason why a place had to wait: at most until ``until``, certainly until ``sure_until``."""

    agent: str
    start: float
    until: float
    sure_until: float


@dataclass(slots=True, eq=False)
class Place:
    """One place in the queue: certainly waiting in ``sure``, possibly from its arrival until ``end``.

    Attributes:
        kept: when it was certainly to be respected although nobody waited.
    """

    waiter: Waiter
    paths: PathSet
    sure: list[Span]
    kept: list[Span]
    end: float
    edges: list[Edge] = field(default_factory=list[Edge])

    def respected_at(self, instant: float) -> bool:
        """Whether it certainly counted then."""
        return any(since <= instant < until for since, until in (*self.sure, *self.kept))


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """A claim that was told that somebody is in its way, at some instant of a span."""

    call: Call
    paths: PathSet
    since: float
    until: float


@dataclass(frozen=True, slots=True, eq=False)
class Overtaking:
    """A grant that went past a place that it excludes and that it was not allowed to pass."""

    place: Place
    group: Sequence[Tenure]


def place_of(waiter: Waiter, faults: Sequence[Fault]) -> Place:
    """The waiter as a place; nobody is certainly waiting in a fault."""
    left = [instant for instant in (waiter.granted_at, waiter.left_at) if instant is not None]
    gone = min(left, default=FOREVER)
    dead = FOREVER if waiter.dead_after is None else waiter.dead_after
    bounds = (waiter.enqueued_at, gone)
    sure, kept = _certain(waiter.live, bounds, faults), _certain(waiter.kept, bounds, faults)
    return Place(waiter, PathSet(waiter.paths), sure, kept, max(waiter.enqueued_at, min(gone, dead)))


def _certain(spans: Sequence[Span], bounds: Span, faults: Sequence[Fault]) -> list[Span]:
    left = [(max(since, bounds[0]), min(until, bounds[1])) for since, until in spans]
    for fault in faults:
        left = [part for span in left for part in _without(span, fault)]
    return [(since, until) for since, until in left if since < until]


def _without(span: Span, fault: Fault) -> Iterator[Span]:
    since, until = span
    if fault.until <= since or until <= fault.from_:
        yield span
        return
    yield (since, min(until, fault.from_))
    yield (max(since, fault.until), until)


Step = tuple[float, int, int, "Sequence[Tenure] | Tenure | Place | Refusal"]


class Queue:
    """The queue of one session over time.

    Attributes:
        places: with all their edges.
        overtakings: grants past a place that was certainly waiting and not blocked by the claimant.
        unexplained: refusals with nothing that can have been in the way.
    """

    def __init__(
        self, groups: Sequence[Sequence[Tenure]], places: Sequence[Place], refusals: Sequence[Refusal]
    ) -> None:
        self.places = places
        self.overtakings: list[Overtaking] = []
        self.unexplained: list[Refusal] = []
        self._leases: PathIndex[Tenure] = PathIndex()
        self._present: dict[int, Place] = {}
        self._open: dict[int, Refusal] = {}
        for _, rank, _, thing in _steps(groups, places, refusals):
            if isinstance(thing, Tenure):
                self._lease(thing, starts=rank == _START)
            elif isinstance(thing, Place):
                self._place(thing, arrives=rank == _ARRIVE)
            elif isinstance(thing, Refusal):
                self._refusal(thing, opens=rank == _JUDGE)
            else:
                self._overtaken(thing)

    def _lease(self, tenure: Tenure, *, starts: bool) -> None:
        if not starts:
            self._leases.remove(tenure.path, tenure)
            return
        self._leases.add(tenure.path, tenure)
        if self._present or self._open:
            own = PathSet((tenure.path,))
            for place in self._present.values():
                if at_odds(tenure, own, place.waiter, place.paths):
                    place.edges.append(_edge(tenure))
            self._explain(tenure, own)

    def _place(self, place: Place, *, arrives: bool) -> None:
        if not arrives:
            self._present.pop(id(place), None)
            return
        place.edges.extend(_edge(lease) for lease in self._blocking(place.waiter, place.paths))
        for other in self._present.values():
            if at_odds(place.waiter, place.paths, other.waiter, other.paths):
                first, second = sorted((place, other), key=lambda each: each.waiter.ticket)
                start = max(place.waiter.enqueued_at, other.waiter.enqueued_at)
                second.edges.append(Edge(first.waiter.agent, start, first.end, start))
        self._present[id(place)] = place
        self._explain(place.waiter, place.paths)

    def _refusal(self, refusal: Refusal, *, opens: bool) -> None:
        if not opens:
            if self._open.pop(id(refusal), None) is not None:
                self.unexplained.append(refusal)
            return
        places = (other for other in self._present.values())
        queued = any(at_odds(refusal.call, refusal.paths, other.waiter, other.paths) for other in places)
        if not queued and not any(True for _ in self._blocking(refusal.call, refusal.paths)):
            self._open[id(refusal)] = refusal

    def _explain(self, who: Holding, paths: PathSet) -> None:
        explained = [
            number
            for number, refusal in self._open.items()
            if at_odds(refusal.call, refusal.paths, who, paths)
        ]
        for number in explained:
            del self._open[number]

    def _blocking(self, who: Holding, paths: PathSet) -> Iterator[Tenure]:
        for path in paths.paths:
            for lease in self._leases.overlapping(path):
                if conflict(who, lease, path):
                    yield lease

    def _overtaken(self, group: Sequence[Tenure]) -> None:
        if not self._present:
            return
        agent, instant = group[0].agent, group[0].start
        parts = [(tenure, PathSet((tenure.path,))) for tenure in group]
        names = {tenure.path for tenure in group}
        ticket = min(
            (
                place.waiter.ticket
                for place in self._present.values()
                if place.waiter.agent == agent and names <= place.paths.names
            ),
            default=FOREVER,
        )
        for place in self._present.values():
            if (
                place.waiter.ticket < ticket
                and place.waiter.enqueued_at < instant
                and place.respected_at(instant)
                and any(at_odds(*part, place.waiter, place.paths) for part in parts)
                and not self._blocked_by(place, agent, instant)
            ):
                self.overtakings.append(Overtaking(place, group))

    def _blocked_by(self, place: Place, agent: str, instant: float) -> bool:
        """Whether the place may have been blocked by the agent, directly or through others.

        Agents wait as a whole: whoever waits for another place of the same agent waits for all that agent waits for.
        """
        waiting: dict[str, list[Place]] = defaultdict(list)
        for other in self._present.values():
            waiting[other.waiter.agent].append(other)
        open_, seen = [place], set[str]()
        while open_:
            blockers = {edge.agent for edge in open_.pop().edges if edge.start <= instant <= edge.until}
            if agent in blockers:
                return True
            for blocker in blockers - seen:
                open_.extend(waiting[blocker])
            seen |= blockers
        return False


_JUDGE, _END, _START, _ARRIVE, _CLOSE = range(5)


def _steps(
    groups: Sequence[Sequence[Tenure]], places: Sequence[Place], refusals: Sequence[Refusal]
) -> list[Step]:
    """Everything that happens, in order; at one instant grants are judged before anything ends or begins."""
    steps: list[Step] = []
    for group in groups:
        steps.append((group[0].start, _JUDGE, len(steps), group))
        for tenure in group:
            if tenure.last_end > tenure.start:
                steps.append((tenure.start, _START, len(steps), tenure))
                steps.append((tenure.last_end, _END, len(steps), tenure))
    for place in places:
        steps.append((place.waiter.enqueued_at, _ARRIVE, len(steps), place))
        if place.end > place.waiter.enqueued_at:
            steps.append((place.end, _END, len(steps), place))
    for refusal in refusals:
        steps.append((refusal.since, _JUDGE, len(steps), refusal))
        steps.append((refusal.until, _CLOSE, len(steps), refusal))
    steps.sort(key=lambda step: step[:3])
    return steps


def _edge(tenure: Tenure) -> Edge:
    return Edge(tenure.agent, tenure.start, tenure.last_end, tenure.sure_end)
