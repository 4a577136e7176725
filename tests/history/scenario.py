"""Writes histories for tests: each step is a call and its event, right unless a test asks for wrong ones.

Both clocks are one here. A step at instant ``at`` was invoked a little before and completed a little after
it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from tests.history.checker import Call, Event, Header, History, Lease, LockRow, Rule, Waiter, judge
from tests.history.checker.records import FileOperation, Outcome

SESSION = "local/demo"
_LITTLE = 0.001


@dataclass(frozen=True, slots=True)
class Grant:
    """What a step granted: the holder and its leases, as last prolonged."""

    agent: str
    checkout: str
    leases: tuple[Lease, ...]
    call: int

    def taken_by(self, agent: str) -> "Grant":
        """The same leases in the hands of somebody else."""
        return replace(self, agent=agent)

    def with_token(self, token: int) -> "Grant":
        """The same paths under another token."""
        return replace(self, leases=tuple(replace(lease, token=token) for lease in self.leases))


class Scenario:
    """A history in the making.

    Attributes:
        calls, events, waiters, rows: what was written so far; tests may change it before `history`.
    """

    def __init__(self, session: str = SESSION) -> None:
        self.session = session
        self.calls: list[Call] = []
        self.events: list[Event] = []
        self.waiters: list[Waiter] = []
        self.rows: list[LockRow] = []
        self.token = 0

    def claim(
        self,
        agent: str,
        *paths: str,
        at: float,
        ttl: float = 100.0,
        operation: FileOperation = "write",
        checkout: str = "here",
        outcome: Outcome = "ok",
        written: Iterable[str] | None = None,
        since: float | None = None,
    ) -> Grant:
        """One claim; ``written`` names the paths that its event has (default: all if ok, otherwise none)."""
        leases: list[Lease] = []
        for path in paths:
            self.token += 1
            lease = Lease(path=path, token=self.token, operation=operation, checkout=checkout)
            leases.append(replace(lease, granted_at=at, expires_at=at + ttl))
        named = set(paths if outcome == "ok" else ()) if written is None else set(written)
        call = self.call(agent, "claim", paths, at=at, outcome=outcome, leases=leases, since=since)
        call = replace(call, operation=operation, checkout=checkout, ttl_seconds=ttl)
        self.calls[-1] = call
        self.event("lock.claimed", agent, [lease for lease in leases if lease.path in named], at=at)
        return Grant(agent, checkout, tuple(leases), call.id)

    def renew(
        self,
        grant: Grant,
        *,
        at: float,
        ttl: float = 100.0,
        outcome: Outcome = "ok",
        written: bool = True,
        kind: Literal["renew", "claim"] = "renew",
    ) -> Grant:
        """One renewal of all leases of a grant, or the same by claiming again."""
        leases = tuple(replace(lease, expires_at=at + ttl) for lease in grant.leases)
        self._act(grant, kind, leases, at=at, outcome=outcome)
        if written:
            self.event("lock.renewed", grant.agent, leases, at=at)
        return replace(grant, leases=leases)

    def release(self, grant: Grant, *, at: float, outcome: Outcome = "ok", written: bool = True) -> None:
        """One release of all leases of a grant."""
        self._act(grant, "release", grant.leases, at=at, outcome=outcome)
        if written:
            self.event("lock.released", grant.agent, grant.leases, at=at)

    def revoke(self, grant: Grant, *, at: float) -> None:
        """A person takes the leases of a grant away."""
        paths = [lease.path for lease in grant.leases]
        self.call("a person", "revoke", paths, at=at, leases=grant.leases)
        self.event("lock.revoked", grant.agent, grant.leases, at=at)

    def expire(self, grant: Grant, *, at: float) -> None:
        """The service notes that the leases of a grant have expired."""
        self.event("lock.expired", grant.agent, grant.leases, at=at)

    def wait(
        self,
        agent: str,
        *paths: str,
        at: float,
        until: float,
        operation: FileOperation = "write",
        granted: bool = False,
        dead: bool = False,
    ) -> None:
        """One place in the queue, certainly live until it was granted, left, or (``dead``) died."""
        self.waiters.append(
            Waiter(
                session=self.session,
                ticket=len(self.waiters) + 1,
                agent=agent,
                checkout="here",
                paths=paths,
                operation=operation,
                enqueued_at=at,
                live=((at, until),),
                granted_at=until if granted else None,
                left_at=None if granted or dead else until,
                dead_after=until if dead else None,
            )
        )

    def call(
        self,
        agent: str,
        kind: str,
        paths: Iterable[str],
        *,
        at: float,
        outcome: Outcome = "ok",
        leases: Iterable[Lease] = (),
        since: float | None = None,
    ) -> Call:
        """Any call; ``since`` says when it was invoked if that was long before it took effect."""
        call = Call(
            id=len(self.calls) + 1,
            client=f"client of {agent}",
            session=self.session,
            agent=agent,
            kind=kind,
            paths=tuple(paths),
            invoked=(at if since is None else since) - _LITTLE,
            completed=None if outcome == "unknown" else at + _LITTLE,
            outcome=outcome,
            leases=tuple(leases) if outcome == "ok" else (),
        )
        self.calls.append(call)
        return call

    def event(self, kind: str, agent: str, leases: Iterable[Lease], *, at: float) -> None:
        """One event with the next number, if it has any lease to speak of."""
        named = tuple(leases)
        if named:
            seq = len(self.events) + 1
            self.events.append(
                Event(session=self.session, seq=seq, kind=kind, agent=agent, created_at=at, leases=named)
            )

    def keep(self, *grants: Grant) -> None:
        """Put the leases of grants into the last lock table."""
        for grant in grants:
            for lease in grant.leases:
                self.keep_lease(grant.agent, lease)

    def keep_lease(self, agent: str, lease: Lease) -> None:
        """Put one lease into the last lock table."""
        self.rows.append(LockRow(session=self.session, agent=agent, lease=lease))

    def history(self, *, snapshot_at: float | None = None) -> History:
        """The history with its events."""
        header = Header(events=True, waiters=True, snapshot_at=snapshot_at, clock_offset=0.0)
        return History(
            header=header,
            calls=tuple(self.calls),
            events=tuple(self.events),
            waiters=tuple(self.waiters),
            locks=tuple(self.rows),
        )

    def heard(self, *, comparable: bool = True) -> History:
        """What clients heard, and nothing else."""
        header = Header(clock_offset=0.0 if comparable else None)
        return History(header=header, calls=tuple(self.calls))

    def _act(
        self, grant: Grant, kind: str, leases: tuple[Lease, ...], *, at: float, outcome: Outcome
    ) -> None:
        paths = [lease.path for lease in leases]
        call = self.call(grant.agent, kind, paths, at=at, outcome=outcome, leases=leases)
        tokens = {lease.path: lease.token for lease in leases} if kind != "claim" else {}
        self.calls[-1] = replace(call, checkout=grant.checkout, tokens=tokens)


def broken(history: History) -> set[Rule]:
    """The rules that the checker says were broken."""
    return {violation.rule for violation in judge(history)}
