"""How long each grant was held: certainly, and at most.

A tenure is one path of one grant, from its grant to its end. ``sure_end`` is the instant until which it was
certainly held, the rules about exclusion use it; ``last_end`` is the instant until which it may have been
held, the rules that excuse use that. With events both are one, except where a promise was already broken.
This module judges nothing.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.history.checker.acts import ENDS, Act, ActLog
from tests.history.checker.clock import Clocks
from tests.history.checker.paths import chain
from tests.history.checker.records import Call, History


@dataclass(slots=True, eq=False)
class Tenure:
    """One path of one grant over time (database clock).

    Attributes:
        expires_at: the last acknowledged expiry, renewals in time included.
        renewals, ends: in order; ``ends`` holds releases, revokes and expiries.
        doubtful: a call that heard nothing may have prolonged it, so that its expiry is not known.
        replaced_by: the later grant of the same agent on the same path and checkout.
    """

    grant: Act
    agent: str
    checkout: str
    operation: str
    start: float
    expires_at: float
    sure_end: float
    last_end: float
    renewals: list[Act] = field(default_factory=list[Act])
    ends: list[Act] = field(default_factory=list[Act])
    doubtful: bool = False
    replaced_by: "Tenure | None" = None

    @property
    def session(self) -> str:
        """The session it belongs to."""
        return self.grant.session

    @property
    def path(self) -> str:
        """Its path."""
        return self.grant.path

    @property
    def token(self) -> int:
        """Its fencing token."""
        return self.grant.lease.token

    def __str__(self) -> str:
        """Name the tenure as a sentence does."""
        source = self.grant.call if self.grant.call is not None else self.grant.event
        return f'{self.agent}\'s {self.operation} lease {self.token} on "{self.path or "."}" from {source}'


def tenures_of(history: History, log: ActLog, clocks: Clocks) -> list[Tenure]:
    """Every grant of the history as a tenure, in order of grant."""
    found: list[Tenure] = []
    for acts in log.acts.values():
        own = [_open(act) for act in sorted(acts, key=lambda act: act.order) if act.deed == "grant"]
        for act in sorted(acts, key=lambda act: act.order):
            if own and act.deed != "grant":
                tenure = next((tenure for tenure in reversed(own) if tenure.start <= act.earliest), own[0])
                (tenure.ends if act.deed in ENDS else tenure.renewals).append(act)
        found.extend(own)
    found.sort(key=lambda tenure: (tenure.start, tenure.token))
    _replace(found)
    doubts = {} if history.header.events else _doubts(history)
    for tenure in found:
        _close(tenure)
        if doubts:
            _doubt(tenure, doubts, clocks)
    return found


def _open(grant: Act) -> Tenure:
    lease = grant.lease
    checkout = lease.checkout
    if (
        not checkout
        and grant.event is None
        and grant.call is not None
        and not grant.path.startswith("resource:")
    ):
        checkout = grant.call.checkout
    until = grant.earliest if lease.expires_at is None else lease.expires_at
    return Tenure(grant, grant.agent, checkout, lease.operation, grant.earliest, until, until, until)


def _replace(tenures: list[Tenure]) -> None:
    latest: dict[tuple[str, str, str, str], Tenure] = {}
    for tenure in tenures:
        place = (tenure.session, tenure.agent, tenure.path, tenure.checkout)
        before = latest.get(place)
        if before is not None:
            before.replaced_by = tenure
        latest[place] = tenure


def _close(tenure: Tenure) -> None:
    """Follow renewals that came in time, then cut at the first end."""
    over = min((end.latest for end in tenure.ends), default=float("inf"))
    for renewal in tenure.renewals:
        in_time = renewal.earliest < tenure.expires_at and renewal.earliest <= over
        if in_time and renewal.lease.expires_at is not None:
            tenure.expires_at = renewal.lease.expires_at
    replaced = float("inf") if tenure.replaced_by is None else tenure.replaced_by.start
    cut = min(tenure.expires_at, replaced)
    tenure.sure_end = max(tenure.start, min([cut, *(end.earliest for end in tenure.ends)]))
    tenure.last_end = max(tenure.start, min([cut, *(end.latest for end in tenure.ends)]))


Doubts = dict[tuple[str, str | None, str | None], list[Call]]
"""Unanswered calls that may have changed leases, by session, agent (none: anybody's) and path (none: all)."""


def _doubts(history: History) -> Doubts:
    doubts: Doubts = defaultdict(list)
    for call in history.calls:
        if call.outcome == "unknown" and call.kind in {"claim", "renew", "release", "revoke"}:
            agent = None if call.kind == "revoke" else call.agent
            for path in call.paths or (None,):
                doubts[call.session, agent, None if path is None else chain(path)[0]].append(call)
    return doubts


def _doubt(tenure: Tenure, doubts: Doubts, clocks: Clocks) -> None:
    """Without events an unanswered call may have ended, prolonged or replaced the lease at any time since."""
    for agent in (tenure.agent, None):
        for path in (tenure.path, None):
            for call in doubts.get((tenure.session, agent, path), ()):
                since = clocks.earliest(call)
                if call.kind in {"release", "revoke"}:
                    tenure.sure_end = max(tenure.start, min(tenure.sure_end, since))
                    continue
                tenure.doubtful = True
                tenure.last_end = float("inf")
                if call.kind == "claim" and call.operation != tenure.operation:
                    tenure.sure_end = max(tenure.start, min(tenure.sure_end, since))
