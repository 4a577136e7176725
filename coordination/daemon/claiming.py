"""Claiming what is about to be edited, or knowing that it is held.

The table answers only for what it can know: that a lease is trusted for long enough, and that no bad news can have been
missed. Everything else is asked. A claim is never called off, so what it was granted always comes into the table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from coordination.client.errors import RequestRefused
from coordination.daemon.connection import ServiceAway
from coordination.daemon.lease import (
    MARGIN_SECONDS,
    NEEDED_SECONDS,
    Kept,
    Kind,
    Lapsed,
    LeaseKey,
    Unknown,
    holder_of,
)
from coordination.daemon.lease_calls import Wanted
from coordination.daemon.lease_core import LeaseCore
from coordination.daemon.lease_reading import LeaseReading
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.reclaim import Reclaim
from coordination.domain.file_lock import Granted, Held
from coordination.domain.path import LockPath


@dataclass(frozen=True, slots=True)
class Edit:
    """Files that an agent is about to write: all that one claim has to get, or nothing.

    `daemon.edit.Edit` is what a hook asks for, this is what the table is asked for.

    Attributes:
        agent: who writes.
        checkout: the working tree, `{host}:{git top level}`, or ''.
        where: the key of the checkout.
        paths: the files.
    """

    agent: LocalAgent
    checkout: str
    where: str
    paths: tuple[LockPath, ...]

    @property
    def keys(self) -> list[LeaseKey]:
        """Where leases on the files themselves stand in the table."""
        return [(*holder_of(self.agent), self.where, path.key) for path in self.paths]


class Claiming:
    """Claims what is not held already.

    Args:
        core: the shared parts.
        reading: says whether the table can know.
        reclaim: says who had a file in between.
        was_stopped: whether this program was stopped, and did not look around since.
    """

    def __init__(
        self, core: LeaseCore, reading: LeaseReading, reclaim: Reclaim, was_stopped: Callable[[], bool]
    ) -> None:
        self._core = core
        self._reading = reading
        self._reclaim = reclaim
        self._was_stopped = was_stopped

    def is_sure(self, session: str) -> bool:
        """Return whether no bad news of a session can have been missed."""
        return self._reading.is_settled(session) and not self._was_stopped()

    def known(self, edit: Edit) -> Kept | None:
        """Answer from the table, when everything is held for long enough."""
        found = [self._core.book.covering(edit.agent, edit.where, path) for path in edit.paths]
        leases = [own for own in found if own is not None]
        left = min((own.trusted_until for own in leases), default=0.0) - self._core.now()
        if len(leases) < len(found) or left < NEEDED_SECONDS:
            return None
        for own in leases:
            own.used += 1
        return Kept(left)

    async def claim(self, edit: Edit, wait_seconds: int) -> Kept | Held | Unknown:
        """Claim everything or nothing, when it is the turn of the paths."""
        core, session = self._core, edit.agent.session
        async with core.order.turn(edit.keys):
            # Whoever had the turn before may have claimed the same.
            if self.is_sure(session) and (known := self.known(edit)) is not None:
                return known
            start = core.now()
            try:
                outcome, again = await self._ask(edit, wait_seconds, start)
            except ServiceAway as away:
                # Nobody knows whether it was granted; whatever was shows in the session.
                core.doubted.update(edit.keys)
                self._reading.doubt(session)
                return Unknown(away.why)
            except RequestRefused as refused:
                return Unknown(refused.message)
        if isinstance(outcome, Held):
            # What the table says of these paths may be wrong.
            if any(key in core.book.held for key in edit.keys):
                self._reading.begin(session)
            return outcome
        await self._reclaim.check_between(again, outcome)
        others = {key: who for key, who in outcome.previous_holders.items() if who != edit.agent.id}
        left = min(lease.expires_in_seconds for lease in outcome.leases)
        return Kept(max(0.0, start + left - MARGIN_SECONDS - core.now()), others)

    async def _ask(self, edit: Edit, wait_seconds: int, start: float) -> tuple[Granted | Held, list[Lapsed]]:
        """Claim for an edit; what the agent claimed itself is extended as what it claimed it for.

        The others come first, so that nothing is claimed when somebody else has one of them.
        """
        core = self._core
        again: list[Lapsed] = []
        granted: list[Granted] = []
        for asked in self._wanted(edit, wait_seconds):
            outcome = await core.calls.claim(asked, partial(core.take_late, edit.agent, start=start))
            if isinstance(outcome, Held):
                return outcome, []
            again += core.take(edit.agent, outcome, start)
            granted.append(outcome)
        core.following.poke(edit.agent.session)
        return _together(granted), again

    def _wanted(self, edit: Edit, wait_seconds: int) -> list[Wanted]:
        """Return the claims of an edit: one for what is claimed for it, one for each lease of the agent's own."""
        found = [
            (path.path, self._core.book.held.get(key))
            for path, key in zip(edit.paths, edit.keys, strict=True)
        ]
        own = [
            (path, one.lease)
            for path, one in found
            if one is not None and one.kind is Kind.EXPLICIT and one.excludes
        ]
        mine = {path for path, _ in own}
        others = tuple(path for path, _ in found if path not in mine)
        claims = [Wanted(edit.agent, edit.checkout, others, wait_seconds=wait_seconds)] if others else []
        return claims + [
            Wanted(edit.agent, edit.checkout, (path,), lease.operation, lease.reason or "", wait_seconds)
            for path, lease in own
        ]


def _together(granted: Sequence[Granted]) -> Granted:
    """Return several grants as one."""
    return Granted(
        "granted",
        tuple(lease for one in granted for lease in one.leases),
        tuple(token for one in granted for token in one.granted_tokens),
        {key: who for one in granted for key, who in one.previous_holders.items()},
    )
