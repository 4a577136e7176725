"""Use cases on file locks: claim (and wait for one's turn), renew, release, revoke, list.

Waiting. A waiting claim holds no connection. It tries, and while it is refused it sleeps until something in the
session became free, until the first lease in its way ends by itself, and at most a second; then it tries again. Each
try refreshes its place in the queue, so a waiter whose server died is passed over after three seconds. At the end of
its time it tries once more and keeps its place for two minutes; calling again resumes it. A client that goes away
leaves the queue at once, and a grant that raced its going is given back.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from coordination.domain.agent import Agent
from coordination.domain.errors import RetryLater
from coordination.domain.file_lock import Claim, Granted, Held, Lease, Lost, Wait
from coordination.domain.path import LockPath, normalise_all
from coordination.services.claim_count import count_holds, counted
from coordination.services.core import Core
from coordination.services.feed import Subscription
from coordination.services.lease_lost import lease_lost
from coordination.store import file_lock as store

LOOK_SECONDS: Final = 1.0
ONE_PATH_MAX: Final = 10_000
"""More leases than one path can have: one of each agent that reads it."""
_GIVE_BACK_PAUSES: Final = (0.5, 1, 2, 4, 8, 15)
_SETTLED_SECONDS: Final = 4.0
"""After this long no statement of a call that was given up can still begin: locks and statements time out before."""


class Client(Protocol):
    """What a waiting claim must know about its client."""

    async def wait(self) -> None:
        """Return when the client has gone away."""
        ...

    async def look(self) -> bool:
        """Return whether the client has gone away."""
        ...


@dataclass(frozen=True, slots=True)
class _Wakers:
    """What ends a waiting claim's sleep: something became free, its client went away, the service stops."""

    subscription: Subscription
    gone: "asyncio.Task[object]"
    stopping: "asyncio.Task[object]"


async def claim(
    core: Core, agent: Agent, wanted: Claim, *, wait_seconds: float = 0, client: Client | None = None
) -> Granted | Held:
    """Claim all paths or none, waiting for the caller's turn when asked to.

    Args:
        core: the shared parts.
        agent: who claims.
        wanted: what it claims.
        wait_seconds: how long to wait; 0 answers at once.
        client: the caller's connection, watched while it waits.

    Raises:
        CheckoutTaken: the caller's checkout belongs to another session.
        WaitCycle: waiting would close a circle of agents.
        RetryLater: the database cannot answer now, or the service is stopping.
    """
    with counted(core.metrics, waits=wait_seconds > 0) as count:
        if wait_seconds <= 0:
            outcome = await _claim_at_once(core, agent, wanted)
        else:
            outcome, is_there = await _claim_in_turn(core, agent, wanted, wait_seconds, client)
            if not is_there:
                count.ended("cancelled")
                return outcome
        count.answered(outcome)
        return outcome


async def _claim_at_once(core: Core, agent: Agent, wanted: Claim) -> Granted | Held:
    try:
        return await _attempt(core, agent, wanted, Wait.NO)
    except asyncio.CancelledError:
        # Whoever is cut off is told of no grant, so there is to be none.
        await give_back(core, agent, wanted)
        raise


async def _claim_in_turn(
    core: Core, agent: Agent, wanted: Claim, wait_seconds: float, client: Client | None
) -> tuple[Granted | Held, bool]:
    """Claim and wait; returns what came of it and whether the client is still there to be told."""
    with core.feed.subscribe(agent.workspace, agent.session, freed_only=True) as subscription:
        gone = asyncio.create_task(client.wait() if client is not None else asyncio.Event().wait())
        stopping = asyncio.create_task(core.stopping.wait())
        try:
            outcome = await _wait(core, agent, wanted, wait_seconds, _Wakers(subscription, gone, stopping))
        finally:
            gone.cancel()
            stopping.cancel()
    if client is None or not await client.look():
        return outcome, True
    if isinstance(outcome, Granted):
        await give_back(core, agent, wanted)
    return outcome, False


async def renew(
    core: Core,
    agent: Agent,
    paths: tuple[LockPath, ...] | None,
    ttl_seconds: int,
    tokens: list[int] | None = None,
) -> tuple[Lease, ...]:
    """Extend live leases of the caller: all named, or none. `paths` None means all of its leases.

    Raises:
        LeaseLost: a named path is not a live grant of the caller; nothing was changed.
    """
    outcome = await store.renew(core.database, agent, _keys(paths), tokens, ttl_seconds)
    if isinstance(outcome, Lost):
        raise lease_lost(outcome, paths, "renew")
    core.feed.announce(agent.workspace, agent.session, freed=False)
    return outcome.leases


async def release(
    core: Core, agent: Agent, paths: tuple[LockPath, ...] | None, tokens: list[int] | None = None
) -> tuple[Lease, ...]:
    """Give back live leases of the caller: all named, or none. `paths` None means all, and its places in the queue.

    Raises:
        LeaseLost: a named path is not a live grant of the caller; nothing was changed.
    """
    outcome = await store.release(core.database, agent, _keys(paths), tokens)
    if isinstance(outcome, Lost):
        raise lease_lost(outcome, paths, "release")
    count_holds(core.metrics, outcome.leases, "released")
    core.feed.announce(agent.workspace, agent.session, freed=True)
    return outcome.leases


async def give_back(
    core: Core, agent: Agent, wanted: Claim, attempt: "asyncio.Future[Granted | Held] | None" = None
) -> None:
    """Take back what a waiting claim whose answer never arrived left behind: its place, and its new grants.

    What the agent has claimed or renewed again since stays: it was told so. Returns after the first try; a database
    that is away is asked again for a while. And it is asked twice, because a statement that was given up may still be
    carried out. A service that stops asks once more at once.

    Args:
        core: the shared parts.
        agent: who claimed.
        wanted: what it claimed, by which request.
        attempt: what to wait for before: the try that is under way.
    """
    tried = asyncio.Event()
    core.finish(_give_back(core, agent, wanted, attempt, tried))
    await tried.wait()


async def revoke(
    core: Core, workspace: str, session: str, by: str, paths: list[str] | None, agent: str | None
) -> tuple[Lease, ...]:
    """Take leases away, by a person: those on `paths`, those of `agent` (its id), or both conditions together.

    Raises:
        InvalidInput: a path is wrong.
    """
    keys = None if paths is None else [path.key for path in normalise_all(paths, literal=True, field="paths")]
    taken = await store.revoke(core.database, workspace, session, by, keys, agent)
    count_holds(core.metrics, taken, "revoked")
    core.feed.announce(workspace, session, freed=True)
    return taken


async def list_locks(core: Core, workspace: str, session: str, after: str | None, limit: int) -> list[Lease]:
    """Read live leases of a session by path, at most `limit`, following the path key `after`."""
    return await store.page(core.database, workspace, session, after, limit)


async def page_of_locks(
    core: Core, workspace: str, session: str, after: str | None, limit: int
) -> tuple[list[Lease], str | None]:
    """Read a page of live leases by path that never parts those of one path: several agents may read it.

    Returns:
        The leases, fewer than `limit` or, when one path alone has more than that, all of it; and the path key that the
        next page follows, None on the last.
    """
    found = await list_locks(core, workspace, session, after, limit + 1)
    if len(found) <= limit:
        return found, None
    page = [lock for lock in found if lock.key != found[-1].key]
    if not page:
        found = await list_locks(core, workspace, session, after, ONE_PATH_MAX)
        page = [lock for lock in found if lock.key == found[0].key]
    return page, page[-1].key


async def _wait(
    core: Core, agent: Agent, wanted: Claim, wait_seconds: float, wakers: _Wakers
) -> Granted | Held:
    clock = asyncio.get_running_loop()
    deadline = clock.time() + wait_seconds
    waited = False
    while True:
        wakers.subscription.wake.clear()
        last = clock.time() >= deadline or core.stopping.is_set()
        wait = Wait.PARK if last else Wait.QUEUE
        attempt = asyncio.ensure_future(_attempt(core, agent, wanted, wait, goes_on=waited))
        waited = True
        try:
            outcome = await asyncio.shield(attempt)
            if isinstance(outcome, Granted):
                return outcome
            if last and core.stopping.is_set():
                raise _stopping()
            if last:
                return outcome
            await _sleep(outcome, deadline - clock.time(), wakers)
        except asyncio.CancelledError:
            await give_back(core, agent, wanted, attempt)
            raise
        if wakers.gone.done():
            await give_back(core, agent, wanted)
            return outcome


async def _sleep(held: Held, remaining: float, wakers: _Wakers) -> None:
    longest = min(LOOK_SECONDS, max(remaining, 0))
    if held.next_expiry_seconds is not None:
        longest = min(longest, held.next_expiry_seconds)
    woken = asyncio.create_task(wakers.subscription.wake.wait())
    try:
        await asyncio.wait(
            {woken, wakers.gone, wakers.stopping}, timeout=longest, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        woken.cancel()


async def _attempt(
    core: Core, agent: Agent, wanted: Claim, wait: Wait, *, goes_on: bool = False
) -> Granted | Held:
    outcome = await store.claim(core.database, agent, wanted, wait, goes_on=goes_on)
    if isinstance(outcome, Granted):
        # Expired leases that the grant removed may have covered more than the grant does.
        core.feed.announce(agent.workspace, agent.session, freed=bool(outcome.previous_holders))
    return outcome


async def _give_back(
    core: Core,
    agent: Agent,
    wanted: Claim,
    attempt: "asyncio.Future[Granted | Held] | None",
    tried: asyncio.Event,
) -> None:
    try:
        if attempt is not None:
            await asyncio.wait({attempt})
        for pause in (*_GIVE_BACK_PAUSES, None):
            if await _cancelled(core, agent, wanted):
                break
            tried.set()
            if pause is None or core.stopping.is_set():
                return  # what is left ends by time
            await core.rest(pause)
    finally:
        tried.set()
    await core.rest(_SETTLED_SECONDS)
    await _cancelled(core, agent, wanted)


async def _cancelled(core: Core, agent: Agent, wanted: Claim) -> bool:
    try:
        await store.cancel_wait(core.database, agent, wanted.request_id)
    except RetryLater:
        return False
    core.feed.announce(agent.workspace, agent.session, freed=True)
    return True


def _keys(paths: tuple[LockPath, ...] | None) -> list[str] | None:
    return None if paths is None else [path.key for path in paths]


def _stopping() -> RetryLater:
    return RetryLater(
        "The service is stopping. Nothing was claimed; your place in the queue is kept for two minutes.",
        next_call="repeat the same call in a few seconds",
    )
