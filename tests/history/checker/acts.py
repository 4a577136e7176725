"""Joins what clients heard with what the event table says: acts on leases, each seen from both sides.

An act is one thing that happened to one path of one grant: granted, renewed, released, revoked, expired.
With an event its instant is exact; from an answer alone only bounds are known. An act without an event
although events are complete, or a second answer for one event, stays visible as such: the rules judge it,
this module does not.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from tests.history.checker.clock import Clocks
from tests.history.checker.paths import chain
from tests.history.checker.records import Call, Event, History, Lease

Deed = Literal["grant", "renew", "release", "revoke", "expire"]
GrantKey = tuple[str, int, str]
"""Session, token, path: what an answer or an event names a grant by."""

DEEDS: Final[dict[str, Deed]] = {
    "lock.claimed": "grant",
    "lock.upgraded": "grant",
    "lock.renewed": "renew",
    "lock.released": "release",
    "lock.revoked": "revoke",
    "lock.expired": "expire",
}
ENDS: Final = frozenset({"release", "revoke", "expire"})


@dataclass(slots=True, eq=False)
class Act:
    """One thing that happened to one path of one grant.

    Attributes:
        earliest: first instant (database clock) at which it can have happened; ``latest`` when exact.
        call: the call that was told about it, if one was.
        event: the event that says so, if there is one.
    """

    deed: Deed
    session: str
    agent: str
    path: str
    lease: Lease
    earliest: float
    latest: float
    call: Call | None = None
    event: Event | None = None

    @property
    def seq(self) -> int | None:
        """The event's number, if there is an event."""
        return None if self.event is None else self.event.seq

    @property
    def order(self) -> tuple[float, float]:
        """Sorts the acts of one session as far as their order is known."""
        return (self.earliest, float("inf") if self.event is None else self.event.seq)

    def __str__(self) -> str:
        """Name the act by whoever saw it."""
        source = self.call if self.call is not None else self.event
        return f'{self.deed} of "{self.path or "."}" with token {self.lease.token} in {source}'


def key_of(session: str, lease: Lease) -> GrantKey:
    """What the lease's grant is found by."""
    return (session, lease.token, chain(lease.path)[0])


def microseconds(instant: float | None) -> int | None:
    """The instant as the database keeps it, comparable without rounding."""
    return None if instant is None else round(instant * 1_000_000)


class ActLog:
    """All acts of a history.

    Attributes:
        acts: by grant key, in the order in which they were found (events by seq, then answers by completion).

    Raises:
        ValueError: an acknowledged claim or renewal does not say when it was granted or expires.
    """

    def __init__(self, history: History, clocks: Clocks) -> None:
        self.acts: dict[GrantKey, list[Act]] = defaultdict(list)
        self._clocks = clocks
        self._complete = history.header.events
        calls = {call.id: call for call in history.calls}
        for event in sorted(history.events, key=lambda event: (event.session, event.seq)):
            self._take_event(event, calls.get(event.call) if event.call is not None else None)
        answered = [call for call in history.calls if call.outcome == "ok"]
        for call in sorted(answered, key=_completion):
            self._take_answer(call)

    def all(self) -> Iterable[Act]:
        """Every act."""
        return (act for acts in self.acts.values() for act in acts)

    def _take_event(self, event: Event, call: Call | None) -> None:
        deed = DEEDS.get(event.kind)
        if deed is None:
            return
        told = call if call is not None and call.outcome == "ok" else None
        for lease in event.leases:
            known = self.acts[key_of(event.session, lease)]
            at = event.created_at
            kind = deed
            if deed == "grant":
                granted = at if lease.granted_at is None else lease.granted_at
                if _grant(known, event.agent, granted):
                    kind = "renew"
                else:
                    at = granted
            path = chain(lease.path)[0]
            known.append(Act(kind, event.session, event.agent, path, lease, at, at, told, event))

    def _take_answer(self, call: Call) -> None:
        for lease in call.leases:
            known = self.acts[key_of(call.session, lease)]
            if call.kind == "claim":
                self._take_claim(call, lease, known)
            elif call.kind == "renew":
                if lease.expires_at is None:
                    raise ValueError(f"{call} does not say when its leases expire")
                self._take_renewal(call, lease, known)
            elif call.kind in {"release", "revoke"}:
                self._take_end(call, lease, known)

    def _take_claim(self, call: Call, lease: Lease, known: list[Act]) -> None:
        if lease.expires_at is None or (lease.granted_at is None and not self._complete):
            raise ValueError(f"{call} does not say when its leases were granted and expire")
        grant = _grant(known, call.agent, lease.granted_at)
        if grant is None:
            at = self._clocks.earliest(call) if lease.granted_at is None else lease.granted_at
            known.append(self._act("grant", call, lease, at, at))
            return
        fresh = microseconds(lease.expires_at) == microseconds(grant.lease.expires_at)
        if fresh and grant.call is None and self._clocks.earliest(call) <= grant.earliest:
            grant.call = call
        elif not (fresh and grant.call is call):
            self._take_renewal(call, lease, known)

    def _take_renewal(self, call: Call, lease: Lease, known: list[Act]) -> None:
        """Find the renewal; one that prolonged nothing needs none if the lease lasted so long already."""
        until, latest = microseconds(lease.expires_at), self._clocks.latest(call)
        same = [
            act
            for act in known
            if act.deed not in ENDS and microseconds(act.lease.expires_at) == until and act.earliest <= latest
        ]
        if not same:
            known.append(self._act("renew", call, lease, self._clocks.earliest(call), latest))
        for act in same:
            if act.deed == "renew" and act.call is None and self._in_time(act, call):
                act.call = call
                return

    def _take_end(self, call: Call, lease: Lease, known: list[Act]) -> None:
        deed: Deed = "release" if call.kind == "release" else "revoke"
        for act in known:
            free = act.call is None or act.call is call
            if act.deed == deed and act.event is not None and free and self._in_time(act, call):
                act.call = call
                return
        known.append(self._act(deed, call, lease, self._clocks.earliest(call), self._clocks.latest(call)))

    def _in_time(self, act: Act, call: Call) -> bool:
        """Whether the call can have done it, by its time."""
        return self._clocks.earliest(call) <= act.earliest <= self._clocks.latest(call)

    def _act(self, deed: Deed, call: Call, lease: Lease, earliest: float, latest: float) -> Act:
        return Act(deed, call.session, call.agent, chain(lease.path)[0], lease, earliest, latest, call)


def _completion(call: Call) -> float:
    return call.invoked if call.completed is None else call.completed


def _grant(known: list[Act], agent: str, granted_at: float | None) -> Act | None:
    """The agent's grant of that instant; its last one when no instant is given."""
    for act in reversed(known):
        same = granted_at is None or microseconds(act.earliest) == microseconds(granted_at)
        if act.deed == "grant" and act.agent == agent and same:
            return act
    return None
