"""Pieces that the answers of several tools share: leases, instants, call literals, the warning of a shared name."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from coordination.domain.agent import Agent, agent_of
from coordination.domain.errors import InvalidInput
from coordination.domain.file_lock import Lease
from coordination.domain.identity import Identity
from coordination.services.core import Core
from coordination.wire.file_lock import LockAnswer

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
