"""The table of what the agents of this machine hold: claims before edits, and keeps what is held for as long as needed.

An edit that finds its files held, for a minute at least and with nothing missed, costs no question. Everything else is
claimed, which extends what is held. A claim goes on when its caller gave up: what it was granted is in the table then,
where it is used or given back, and never forgotten.

Nothing is locked over a question but the turn of a path (`path_order`): claims and releases of one agent's path come
one after the other.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from coordination.client.errors import RequestRefused
from coordination.daemon.claiming import Claiming, Edit
from coordination.daemon.clock import boot_seconds
from coordination.daemon.connection import LinkState, ServiceAway
from coordination.daemon.following import Following
from coordination.daemon.giving_back import GivingBack
from coordination.daemon.lease import Kept, Kind, Unknown, Why, holder_of
from coordination.daemon.lease_calls import LeaseCalls, leases_of
from coordination.daemon.lease_core import LeaseCore, Needs, OnLost
from coordination.daemon.lease_reading import LeaseReading
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.reclaim import Reclaim
from coordination.daemon.renewal import Renewal
from coordination.domain.agent import WhyLeft
from coordination.domain.errors import InvalidInput
from coordination.domain.event import Event, EventKind
from coordination.domain.file_lock import Held
from coordination.domain.path import normalise_all

TICK_SECONDS: Final = 15.0
SHORTEST_PAUSE: Final = 1.0
JUMP_SECONDS: Final = 5.0
"""So much later than it wanted to wake, a loop was stopped: by the machine's sleep, or by a signal."""
PATIENCE_SECONDS: Final = 1.5
"""How long an edit waits for the answer to its claim, beside its turn."""


class LeaseTable:
    """What the agents of this machine hold. `run` has to run beside it.

    Args:
        link: the service.
        following: the events of its sessions.
        needs: says which of an agent's automatically held paths of a checkout it needs still; must not raise. It has
            to know of an edit before `hold` is asked for it.
        on_lost: is told which paths of an agent are protected no more, and why (`lease.Why`).
        now: seconds that go on in sleep.
    """

    def __init__(
        self,
        link: Link,
        following: Following,
        needs: Needs,
        on_lost: OnLost,
        *,
        now: Callable[[], float] = boot_seconds,
    ) -> None:
        self._link = link
        self._now = now
        self._woken = asyncio.Event()
        self._core = LeaseCore(LeaseCalls(link), following, needs, on_lost, now, self._woken.set)
        self._reading = LeaseReading(self._core)
        self._renewal = Renewal(self._core, self._reading)
        self._giving_back = GivingBack(self._core)
        self._reclaim = Reclaim(self._core)
        self._claiming = Claiming(self._core, self._reading, self._reclaim, self._was_stopped)
        self._claims: set[asyncio.Task[Kept | Held | Unknown]] = set()
        self._looked_at = now()
        following.observers.append(self)
        link.observe(self._on_link)

    async def hold(
        self,
        agent: LocalAgent,
        checkout: str,
        paths: Sequence[str],
        *,
        wait_seconds: int = 0,
        patience: float = PATIENCE_SECONDS,
    ) -> Kept | Held | Unknown:
        """See to it that an agent holds files that it is about to write: all of them or none.

        Args:
            agent: who writes.
            checkout: the working tree, `{host}:{git top level}`, or '' when it is not known.
            paths: relative to the top level, as they are on disk.
            wait_seconds: how long to wait for its turn when somebody else has one.
            patience: how long to wait for the service beside that.

        Returns:
            `Kept`, also while the service is away, as long as what was granted before can be trusted for a minute.
            `Held` when somebody else has one. `Unknown` when nobody knows.
        """
        try:
            edit = self._meant(agent, checkout, paths)
        except InvalidInput as error:
            return Unknown(error.message)
        known = self._claiming.known(edit)
        if known is not None and (
            self._link.state is not LinkState.REACHABLE or self._claiming.is_sure(edit.agent.session)
        ):
            return known
        task = asyncio.create_task(self._claiming.claim(edit, wait_seconds))
        self._claims.add(task)
        task.add_done_callback(self._claims.discard)
        try:
            async with asyncio.timeout(patience + wait_seconds):
                outcome = await asyncio.shield(task)
        except TimeoutError:
            outcome = Unknown("The service takes too long to answer.")
        if isinstance(outcome, Unknown):
            return self._claiming.known(edit) or outcome
        return outcome

    async def hand_over(
        self, from_agent: LocalAgent, to_agent: LocalAgent, checkout: str, path: str
    ) -> Kept | Held | Unknown:
        """Let an agent have a file that another one of its terminal holds automatically.

        What the other one claimed by itself stays its own, and is answered as held. Somebody who waits for the file
        comes first.
        """
        try:
            edit = self._meant(to_agent, checkout, [path])
        except InvalidInput as error:
            return Unknown(error.message)
        key = edit.paths[0].key
        own = self._core.book.held.get((*holder_of(from_agent), edit.where, key))
        if own is not None and own.kind is Kind.AUTOMATIC:
            await self._giving_back.release(from_agent, [key])
            if own.lease.fencing_token in self._core.book.ending:
                return Unknown(self._link.why or "The service did not take the lease back.")
        return await self.hold(to_agent, checkout, [path])

    async def release(self, agent: LocalAgent, paths: Sequence[str] | None = None) -> None:
        """Give files back, in all checkouts, or everything; while the service is away it is tried again.

        Raises:
            InvalidInput: a path is wrong.
        """
        keys = None if paths is None else [path.key for path in normalise_all(paths, literal=True)]
        await self._giving_back.release(agent, keys)

    async def leave(self, agent: LocalAgent, why: WhyLeft) -> None:
        """Give back everything of an agent that is no more, and follow its session no more for it."""
        self._core.following.remove(agent.session, agent.id)
        await self._giving_back.leave(agent, why)

    def automatic(self, agent: LocalAgent) -> list[tuple[str, str]]:
        """Return what an agent holds because it edited: checkouts, `{host}:{git top level}`, and paths in them."""
        held = self._core.book.held.values()
        return [
            (own.checkout, own.lease.path)
            for own in held
            if own.kind is Kind.AUTOMATIC and holder_of(own.agent) == holder_of(agent)
        ]

    async def adopt(self, agent: LocalAgent, checkouts: Sequence[str] = ()) -> None:
        """Take an agent in, with what it holds by the service's account; after a restart, and when it joins.

        Args:
            agent: the agent.
            checkouts: the working trees that it works in; of leases in others only the key is known.

        While the service is away it is done as soon as it is back.
        """
        for checkout in checkouts:
            self._core.book.note_checkout(checkout)
        self._enter(agent)
        with suppress(ServiceAway, RequestRefused):
            await self._reading.read(agent.session)

    async def run(self) -> None:
        """Keep what is held, for ever."""
        while True:
            self._woken.clear()
            begun, pause = self._now(), self._pause()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            await self.tick(jumped=self._now() - begun > pause + JUMP_SECONDS)

    def look_soon(self) -> None:
        """Look at all leases now: a turn ended, a file is clean again."""
        self._woken.set()

    async def tick(self, *, jumped: bool = False) -> None:
        """Look at all leases once.

        Args:
            jumped: whether time went by unnoticed: nobody knows which connections live, and what was missed.
        """
        self._looked_at = self._now()
        if jumped:
            self._woke_up()
        await self._giving_back.let_go()
        if self._link.state is LinkState.REACHABLE:
            await self._reading.read_doubted()
            await self._renewal.renew_due()
            await self._reclaim.reclaim()
            await self._giving_back.flush()
        self._renewal.tell_untrusted()
        self._core.book.forget(self._now())

    async def close(self) -> None:
        """End what is under way; nothing is given back."""
        for task in self._claims:
            task.cancel()
        await asyncio.gather(*self._claims, return_exceptions=True)
        await self._reading.close()

    def on_event(self, session: str, event: Event) -> None:
        """Take note of what happened to leases of agents that are here."""
        if not event.kind.startswith("lock."):
            return
        book, at = self._core.book, self._now()
        ours = [lease for lease in leases_of(event) if (session, lease.agent_id) in book.agents]
        if event.kind in {EventKind.LOCK_CLAIMED, EventKind.LOCK_RENEWED}:
            for lease in ours:
                book.learn(book.agents[session, lease.agent_id], lease, at)
            return
        tokens = [lease.fencing_token for lease in ours]
        lapsed = book.found(tokens) if event.kind == EventKind.LOCK_EXPIRED else []
        if lapsed:
            book.lapse(lapsed, event.seq, at)
            self._woken.set()
        known = {own.lease.fencing_token for own in lapsed}
        gone = book.ended([token for token in tokens if token not in known], at)
        if event.kind == EventKind.LOCK_REVOKED:
            self._core.tell_lost(gone, Why.REVOKED)

    def on_current(self, session: str, current: bool) -> None:
        """Read a session again after a break."""
        if current:
            self._reading.begin(session)
        else:
            self._reading.unsettle(session)

    def _on_link(self, state: LinkState) -> None:
        if state is LinkState.REACHABLE:
            self._woken.set()

    def _woke_up(self) -> None:
        for session in {agent.session for agent in self._core.book.agents.values()}:
            self._reading.unsettle(session)
            self._reading.doubt(session)
        self._core.following.again()
        self._link.look_now()

    def _pause(self) -> float:
        """Return how long nothing has to be done, as far as is known."""
        at, held = self._now(), self._core.book.held.values()
        dates = [own.trusted_until for own in held if not own.told]
        if self._link.state is LinkState.REACHABLE:
            dates += [own.renew_at for own in held]
        return max(SHORTEST_PAUSE, min([TICK_SECONDS, *(date - at for date in dates)]))

    def _enter(self, agent: LocalAgent) -> None:
        self._core.book.agents[holder_of(agent)] = agent
        self._giving_back.stays(agent)
        self._core.following.add(agent.session, agent.id)

    def _was_stopped(self) -> bool:
        """Whether so much time went by since the last look that this program, or the machine, was stopped."""
        return self._now() - self._looked_at > 2 * TICK_SECONDS + JUMP_SECONDS

    def _meant(self, agent: LocalAgent, checkout: str, paths: Sequence[str]) -> Edit:
        """Return an edit of an agent, which is here from now on.

        Raises:
            InvalidInput: a path or the checkout is wrong, or there is no path.
        """
        wanted, where = normalise_all(paths, literal=True), self._core.book.note_checkout(checkout)
        if not wanted:
            raise InvalidInput("No path was named.")
        self._enter(agent)
        return Edit(agent, checkout, where, wanted)
