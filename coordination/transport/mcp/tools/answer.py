"""Pieces that answers share: leases, agents, instants, call literals, the warning of a shared name."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate, takewhile
from typing import Final

from pydantic import BaseModel

from coordination.domain.agent import Agent, agent_of
from coordination.domain.errors import InvalidInput
from coordination.domain.file_lock import Lease
from coordination.domain.identity import Identity
from coordination.domain.session import AgentStatus, SessionStatus
from coordination.domain.text import clean, shown
from coordination.services.core import Core
from coordination.wire.agent import AgentAnswer
from coordination.wire.file_lock import LockAnswer
from coordination.wire.text import quoted

SHOWN_TEXT: Final = 60
SHOWN_CONFLICTS: Final = 5
MOST_BYTES: Final = 4_096
"""Of a whole answer: the structured part, the text, and what is around them."""
_AROUND: Final = 120
_NAMED: Final = 3


def require_agent(identity: Identity) -> Agent:
    """Return the calling agent; visibility has already refused callers without a session."""
    agent = agent_of(identity)
    if agent is None:
        raise InvalidInput(
            "This connection has no session; its URL must end in {user}__session__{session}__{agent}."
        )
    return agent


def instant(at: datetime) -> str:
    """Render an instant to the second, in UTC."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def size(part: BaseModel) -> int:
    """Return how many bytes a part of an answer takes."""
    return len(part.model_dump_json(exclude_none=True).encode())


def fits(structured: BaseModel, text: str) -> bool:
    """Return whether an answer of these two is small enough for a model."""
    return size(structured) + len(json.dumps(text, ensure_ascii=False).encode()) + _AROUND < MOST_BYTES


def within(texts: Iterable[str], room: int) -> list[str]:
    """Return the first of some texts, as many as take at most `room` bytes in a list."""
    given = list(texts)
    taken = accumulate(len(text.encode()) + len('"",') for text in given)
    return given[: sum(1 for _ in takewhile(lambda bytes_: bytes_ <= room, taken))]


def lock_answer(lease: Lease, previous_holder: str | None = None) -> LockAnswer:
    """Render one lease of the caller. Seconds are rounded down: never promise more than there is."""
    return LockAnswer(
        path=lease.path,
        operation=lease.operation,
        fencing_token=lease.fencing_token,
        expires_at=instant(lease.expires_at),
        expires_in_seconds=int(lease.expires_in_seconds),
        previous_holder=previous_holder,
    )


def literal(paths: Iterable[str]) -> str:
    """Render paths as a list for people, shortened."""
    given = list(paths)
    listed = ", ".join(json.dumps(path, ensure_ascii=False) for path in given[:_NAMED])
    return f"[{listed}, …]" if len(given) > _NAMED else f"[{listed}]"


def shared_name_warning(core: Core, agent: Agent) -> list[str]:
    """Warn an agent whose name another live terminal uses too, as far as terminals are known."""
    others = core.presence.other_places(agent)
    if not others:
        return []
    return [
        f"{len(others)} other live terminal(s) use your name {agent.id}, so your locks do not protect you from each"
        " other. Tell the person to start each terminal with its own name: COORD_AGENT=impl_b claude"
    ]


def agent_answer(caller: Agent, found: AgentStatus) -> AgentAnswer:
    """Render one agent for another: shortened, its words quoted."""
    task = found.task
    waiting = [path for place in found.waiting for path in place.paths]
    return AgentAnswer(
        agent=found.agent_id,
        presence=found.presence,
        role=found.role,
        quiet_seconds=int(found.quiet_seconds),
        task_id=task.task_id if task else None,
        status=task.status if task else None,
        progress=task.progress_percentage if task else None,
        message=quoted(found.agent_id, clean(task.message or "", SHOWN_TEXT)) if task else None,
        locks=_shortened([lease.path for lease in found.locks]),
        lock_count=found.lock_count or None,
        waiting_for=_shortened(waiting),
        checkout=found.checkout or None,
        you=True if found.agent_id == caller.id else None,
    )


def conflict_lines(status: SessionStatus) -> list[str]:
    """Say who waits for whom, and who meets at merge: up to five of each."""
    waits = [f"{wait.waiting} waits for {wait.blocking}" for wait in status.waits]
    overlaps = [
        f'{found.agent_id} and {found.other_agent_id} hold "{shown(found.path)}" in different checkouts'
        for found in status.overlaps
    ]
    return [*waits[:SHOWN_CONFLICTS], *overlaps[:SHOWN_CONFLICTS]]


def _shortened(paths: Sequence[str]) -> list[str] | None:
    """Up to three paths, the end of each long one."""
    return [path if len(path) <= SHOWN_TEXT else "…" + path[1 - SHOWN_TEXT :] for path in paths[:3]] or None
