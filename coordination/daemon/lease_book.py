"""What the daemon believes of the leases of its agents. It asks nobody and decides nothing: it keeps the book right.

Three sources write to it, each late in its own way: answers to calls, lists that were read, and events. A token is
never granted twice and grows with every grant. So of two tokens on one path the greater one counts; a token that ended
never comes back, whatever a slower source still says; and a list says nothing about what was confirmed after it was
asked for.

A lease is in one of three places: held, lapsed (it ended, and may be claimed again) or ending (it is to be given back).
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

from coordination.daemon.lease import (
    NEVER,
    TTL_SECONDS,
    Holder,
    Kind,
    Lapsed,
    LeaseKey,
    OwnLease,
    first_renewal,
    holder_of,
    key_of,
    kind_of,
    renew_at,
    trusted_until,
)
from coordination.daemon.local_agent import LocalAgent
from coordination.domain.checkout import parse_checkout
from coordination.domain.file_lock import Lease
from coordination.domain.path import LockPath

REMEMBERED_SECONDS: Final = 2 * TTL_SECONDS
"""How long it is known which tokens ended; no answer is on its way for longer."""


class LeaseBook:
    """The leases of this machine's agents.

    Attributes:
        agents: who is here, by session and id.
        held: what they hold.
        lapsed: what ended and may be claimed again.
        ending: what is to be given back by token, with until when that makes sense in boot seconds.
    """

    def __init__(self) -> None:
        self.agents: dict[Holder, LocalAgent] = {}
        self.held: dict[LeaseKey, OwnLease] = {}
        self.lapsed: dict[LeaseKey, Lapsed] = {}
        self.ending: dict[int, tuple[OwnLease, float]] = {}
        self._ended: dict[int, float] = {}
        self._numbers = itertools.count(1)
        self._checkouts: dict[str, str] = {"": ""}

    def note_checkout(self, checkout: str) -> str:
        """Remember a working tree, `{host}:{git top level}`, and return its key.

        Raises:
            InvalidInput: it has another form.
        """
        key = parse_checkout(checkout).key
        self._checkouts[key] = checkout
        return key

    def number(self) -> int:
        """Return a number greater than all before, to tell what was heard before a question from what came after."""
        return next(self._numbers)

    def of(self, holder: Holder) -> list[OwnLease]:
        """Return what an agent holds."""
        return [own for own in self.held.values() if holder_of(own.agent) == holder]

    def covering(self, agent: LocalAgent, checkout_key: str, path: LockPath) -> OwnLease | None:
        """Return the lease by which an agent may write a path for longest: on it, or on a folder above it."""
        keys = [
            (agent.session, agent.id, where, key)
            for where in {checkout_key, ""}
            for key in (path.key, *path.ancestors)
        ]
        found = [own for key in keys if (own := self.held.get(key)) is not None and own.excludes]
        return max(found, key=lambda own: own.trusted_until, default=None)

    def confirm(self, agent: LocalAgent, lease: Lease, *, start: float, kind: Kind) -> OwnLease | None:
        """Take note of a lease as an answer described it; `kind` counts when it is new.

        Returns:
            How it is held now; None when it ended or was replaced meanwhile, so that the answer is out of date.
        """
        if self._is_past(agent, lease):
            return None
        key = key_of(agent, lease)
        own = self.held.get(key)
        if own is None or own.lease.fencing_token != lease.fencing_token:
            own = self._new(agent, lease, self._kind(key) or kind)
        own.lease, own.confirmed = lease, self.number()
        if (until := trusted_until(lease, start)) > own.trusted_until:
            own.trusted_until, own.renew_at, own.told = until, renew_at(lease, start), False
        return own

    def learn(self, agent: LocalAgent, lease: Lease, at: float) -> OwnLease | None:
        """Take note of a lease of which an event told; returns it when it is new, to be trusted once it is renewed."""
        known = self.held.get(key_of(agent, lease))
        if self._is_past(agent, lease) or (known and known.lease.fencing_token == lease.fencing_token):
            return None
        own = self._new(agent, lease, self._kind(key_of(agent, lease)) or kind_of(lease))
        own.renew_at, own.told = first_renewal(lease, at), True
        return own

    def end(self, own: OwnLease, until: float) -> None:
        """Have a lease given back; from now on nobody relies on it."""
        self._leave(own)
        self.ending[own.lease.fencing_token] = own, until

    def claimed_again(self, tokens: Iterable[int]) -> None:
        """A claim extended leases that were to be given back, so they are to be kept."""
        for token in tokens:
            self.ending.pop(token, None)

    def ended(self, tokens: Iterable[int], at: float) -> list[OwnLease]:
        """Take note that grants are no more; returns those that were held until now, or had lapsed."""
        gone = set(tokens)
        found = self.found(gone)
        for own in found:
            self._leave(own)
        for token in gone:
            self.ending.pop(token, None)
            self._ended[token] = at
        for key in [key for key, one in self.lapsed.items() if one.own.lease.fencing_token in gone]:
            del self.lapsed[key]
        return found

    def lapse(self, gone: Iterable[OwnLease], after: int | None, at: float) -> None:
        """Take note that leases ended by the clock, or nobody knows how.

        What lapsed already keeps the event after which it did: the service tells of an end when it is noticed, which
        may be when the path is claimed again.
        """
        for own in gone:
            known = self.lapsed.get(own.key)
            self.ended([own.lease.fencing_token], at)
            self.lapsed[own.key] = known if known is not None and known.own is own else Lapsed(own, after)

    def found(self, tokens: Iterable[int]) -> list[OwnLease]:
        """Return what is held, or had lapsed, under tokens."""
        wanted, lapsed = set(tokens), (one.own for one in self.lapsed.values())
        return [own for own in (*self.held.values(), *lapsed) if own.lease.fencing_token in wanted]

    def absent(self, session: str, leases: Sequence[Lease], asked: int) -> list[OwnLease]:
        """Return what is held by the book and not in a list of all leases of a session, asked for at that number."""
        listed = {lease.fencing_token for lease in leases}
        return [
            own
            for own in self.held.values()
            if own.agent.session == session
            and own.lease.fencing_token not in listed
            and own.confirmed < asked
        ]

    def forget(self, at: float) -> None:
        """Drop what nobody needs to know any more."""
        self._ended = {token: when for token, when in self._ended.items() if at - when < REMEMBERED_SECONDS}
        for token in [token for token, (_, until) in self.ending.items() if until <= at]:
            self.ended([token], at)

    def _is_past(self, agent: LocalAgent, lease: Lease) -> bool:
        token = lease.fencing_token
        known = self.held.get(key_of(agent, lease))
        newer = known is not None and known.lease.fencing_token > token
        return newer or token in self._ended or token in self.ending

    def _kind(self, key: LeaseKey) -> Kind | None:
        """Return who asked for what stood there before."""
        if key in self.held:
            return self.held[key].kind
        return self.lapsed[key].own.kind if key in self.lapsed else None

    def _new(self, agent: LocalAgent, lease: Lease, kind: Kind) -> OwnLease:
        checkout = self._checkouts.get(lease.checkout, "")
        own = OwnLease(agent, lease, kind, checkout, NEVER, NEVER, self.number())
        self.held[own.key] = own
        return own

    def _leave(self, own: OwnLease) -> None:
        if self.held.get(own.key) is own:
            del self.held[own.key]
