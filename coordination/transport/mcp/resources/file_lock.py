"""The resource `coordination://locks`: the live leases of the session by path, and who waits for some."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from coordination.domain.agent import Agent
from coordination.domain.file_lock import Lease
from coordination.domain.session import SessionStatus
from coordination.services import agent as agents
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.transport.mcp.resource import AFTER, ResourceCard, as_json
from coordination.transport.mcp.tools.answer import instant
from coordination.wire.resource import LOCKS, LeaseContent, LocksContent, WaiterContent, following
from coordination.wire.text import quoted

PAGE_LOCKS: Final = 50
SHOWN_WAITERS: Final = 20
WAITING_AGENTS: Final = 100
CURSOR: Final = "/"
"""Begins every cursor, because the key of the whole tree is empty."""


async def read_locks(core: Core, agent: Agent, said: Mapping[str, str]) -> str:
    """Read a page of the leases, and the queue."""
    await agents.join(core, agent)
    after = said[AFTER].removeprefix(CURSOR) if AFTER in said else None
    found, last = await file_lock.page_of_locks(core, agent.workspace, agent.session, after, PAGE_LOCKS)
    status = await agents.read_status(core, agent.workspace, agent.session, limit=WAITING_AGENTS)
    return as_json(
        LocksContent(
            session=agent.session,
            locks=[_lease(lease) for lease in found],
            lock_count=status.totals["locks"],
            waiting=list(islice(_waiters(status), SHOWN_WAITERS)),
            waiting_count=status.totals["waiting"],
            next=None if last is None else following(LOCKS, f"{CURSOR}{last}"),
        )
    )


def _lease(lease: Lease) -> LeaseContent:
    return LeaseContent(
        path=lease.path,
        operation=lease.operation,
        agent=lease.agent_id,
        expires_in_seconds=int(lease.expires_in_seconds),
        granted_at=instant(lease.granted_at),
        expires_at=instant(lease.expires_at),
        checkout=lease.checkout or None,
        task_id=lease.task_id,
        reason=quoted(lease.agent_id, lease.reason),
    )


def _waiters(status: SessionStatus) -> Iterator[WaiterContent]:
    places = [(place, one.agent_id) for one in status.agents for place in one.waiting]
    for place, agent_id in sorted(places, key=lambda found: found[0].ticket):
        yield WaiterContent(
            agent=agent_id,
            operation=place.operation,
            paths=list(place.paths),
            path_count=place.path_count,
            since=instant(place.since),
        )


CARD: Final = ResourceCard(
    uri=f"{LOCKS}{{?{AFTER}}}",
    name="locks",
    title="Locks",
    description="Which paths are locked, by whom and for how long, and who waits for some.",
    read=read_locks,
)
