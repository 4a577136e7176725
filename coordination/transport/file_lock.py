"""Claims as every transport makes them: named by their exchange, and taken back when the answer does not arrive.

Whoever waits and leaves does not know of its lease, so a grant that raced its going must not stay. What a claim asks
for is built here once, and nothing of it is rendered.
"""

from collections.abc import Iterable
from typing import Final

from coordination.domain.agent import Agent
from coordination.domain.file_lock import Claim, Granted, Held, Operation
from coordination.domain.path import LockPath
from coordination.domain.text import MAX_REASON, clean
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.transport.exchange import Exchange

MINUTE_SECONDS: Final = 60


def wanted(
    paths: Iterable[LockPath],
    operation: Operation,
    duration_minutes: int,
    reason: str,
    task_id: str,
    exchange: Exchange,
) -> Claim:
    """Return what a call asks for; empty texts mean none."""
    return Claim(
        paths=tuple(sorted(paths, key=lambda path: path.key)),
        operation=operation,
        ttl_seconds=duration_minutes * MINUTE_SECONDS,
        reason=clean(reason, MAX_REASON) or None,
        task_id=task_id or None,
        request_id=exchange.request_id,
    )


async def claim(
    core: Core, agent: Agent, claimed: Claim, wait_seconds: int, exchange: Exchange
) -> Granted | Held:
    """Claim for a call, waiting for its turn for as long as its client is there to be told.

    Raises:
        CheckoutTaken: the caller's checkout belongs to another session.
        WaitCycle: waiting would close a circle of agents.
        RetryLater: the database cannot answer now, or the service is stopping.
    """
    if wait_seconds > 0:
        exchange.on_undelivered(lambda: file_lock.give_back(core, agent, claimed))
    return await file_lock.claim(
        core, agent, claimed, wait_seconds=wait_seconds, client=exchange.disconnected
    )
