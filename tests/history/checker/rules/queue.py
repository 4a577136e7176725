"""Rule 9: the queue is fair, nobody waits in a circle, and the dead block nobody.

Four judgements: tickets follow arrival; no grant passes an earlier place that it excludes, unless that place
was blocked by the one who was granted; no places block one another by their leases (that must be refused at
once) or wait only for one another or for nobody (somebody of them had to be granted); no claim is refused
with nothing in its way.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.history.checker.case import Case, Rule, Violation, blame
from tests.history.checker.paths import PathSet
from tests.history.checker.records import Waiter
from tests.history.checker.tenures import Tenure
from tests.history.checker.waiting import Place, Queue, Refusal, place_of

_Link = tuple[float, float, str, str]
"""Start and end of a certain block, who waits, whom for."""


def judge(case: Case) -> Iterator[Violation]:
    """Yield overtakings, circles, places that had to be granted, and refusals without a reason."""
    if not (case.has_events and case.history.header.waiters):
        return
    places: dict[str, list[Place]] = defaultdict(list)
    for waiter in case.history.waiters:
        places[waiter.session].append(place_of(waiter, case.history.faults))
    refusals = _refusals(case)
    groups: dict[str, list[Sequence[Tenure]]] = defaultdict(list)
    for (session, _, _), group in case.groups.items():
        groups[session].append(group)
    for session in {*places, *refusals}:
        queue = Queue(groups[session], places[session], refusals[session])
        yield from _tickets([place.waiter for place in queue.places])
        yield from _overtakings(queue)
        yield from _circles(queue.places, case.limits.cycle_seconds)
        yield from _stuck(queue.places, case.limits.wake_seconds)
        for refusal in queue.unexplained:
            message = f"{refusal.call} was refused, with no lease and no living waiter in its way"
            yield blame(Rule.QUEUE, message, refusal.call)


def _refusals(case: Case) -> dict[str, list[Refusal]]:
    refusals: dict[str, list[Refusal]] = defaultdict(list)
    for call in case.history.calls:
        if call.kind == "claim" and call.outcome == "held":
            since, until = case.clocks.earliest(call), case.clocks.latest(call)
            refusals[call.session].append(Refusal(call, PathSet(call.paths), since, until))
    return refusals


def _tickets(waiters: list[Waiter]) -> Iterator[Violation]:
    waiters.sort(key=lambda waiter: waiter.ticket)
    for before, after in pairwise(waiters):
        if before.ticket == after.ticket:
            yield Violation(Rule.QUEUE, f"{before} and {after} have one ticket")
        elif after.enqueued_at < before.enqueued_at:
            yield Violation(Rule.QUEUE, f"{after} arrived before {before}")


def _overtakings(queue: Queue) -> Iterator[Violation]:
    for overtaking in queue.overtakings:
        place, group = overtaking.place, overtaking.group
        message = (
            f"{group[0]} was granted at {group[0].start:.6f} past {place.waiter}, which was there before"
        )
        yield blame(Rule.QUEUE, message, *group)


def _circles(places: Sequence[Place], least: float) -> Iterator[Violation]:
    """Circles of leases: each agent certainly waits for a lease of the next."""
    links: list[_Link] = []
    for place in places:
        for edge in place.edges:
            for since, until in place.sure:
                start, end = max(since, edge.start), min(until, edge.sure_until)
                if end - start > least:
                    links.append((start, end, place.waiter.agent, edge.agent))
    links.sort()
    present: list[_Link] = []
    reported: set[frozenset[str]] = set()
    for link in links:
        present = [other for other in present if other[1] > link[0] + least]
        present.append(link)
        way = _way(present, link[3], link[2])
        if way and frozenset(way) not in reported:
            reported.add(frozenset(way))
            message = (
                f"from {link[0]:.6f} on {', '.join(way)} waited in a circle, each for the next one's lease"
            )
            yield Violation(Rule.QUEUE, message)


def _way(links: list[_Link], source: str, target: str) -> list[str]:
    """Agents on a way along the links, both ends included; empty when there is none."""
    following: dict[str, list[str]] = defaultdict(list)
    for _, _, waiting, holding in links:
        following[waiting].append(holding)
    came: dict[str, str] = {source: ""}
    open_ = [source]
    while open_:
        agent = open_.pop()
        if agent == target:
            way = [agent]
            while came[way[-1]]:
                way.append(came[way[-1]])
            return way[::-1]
        for following_agent in following[agent]:
            if following_agent not in came:
                came[following_agent] = agent
                open_.append(following_agent)
    return []


def _stuck(places: Sequence[Place], wake: float) -> Iterator[Violation]:
    """Places that for the whole of some window are blocked by nobody but one another."""
    spans = sorted(
        (
            (since, until, number)
            for number, place in enumerate(places)
            for since, until in place.sure
            if until - since > wake
        ),
    )
    instants = sorted({since for since, _, _ in spans} | set(_changes(places, wake)))
    present: list[tuple[float, float, int]] = []
    reported: set[int] = set()
    following = 0
    for instant in instants:
        while following < len(spans) and spans[following][0] <= instant:
            present.append(spans[following])
            following += 1
        present = [span for span in present if span[1] > instant + wake]
        knot = _closed([places[number] for _, _, number in present], instant, instant + wake)
        fresh = [place for place in knot if id(place) not in reported]
        if fresh:
            reported.update(id(place) for place in knot)
            names = "; ".join(str(place.waiter) for place in knot)
            why = "wait only for one another" if any(place.edges for place in knot) else "wait for nobody"
            yield Violation(Rule.QUEUE, f"from {instant:.6f} on for {wake} s these {why}: {names}")


def _changes(places: Sequence[Place], wake: float) -> Iterator[float]:
    """Instants at which a place that has long to wait may have lost a blocker."""
    for place in places:
        for edge in place.edges:
            if any(since < edge.until < until - wake for since, until in place.sure):
                yield edge.until


def _closed(places: list[Place], since: float, until: float) -> list[Place]:
    """The largest part of the places whose every possible blocker in the window waits in that part itself."""
    part = places
    while True:
        agents = {place.waiter.agent for place in part}
        kept = [
            place
            for place in part
            if all(edge.agent in agents for edge in place.edges if edge.start < until and edge.until > since)
        ]
        if len(kept) == len(part):
            return kept
        part = kept
