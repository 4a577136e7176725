"""Events: the immutable record of what happened in a session, and the names of all kinds."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """Every kind of event, ``noun.past_verb``."""

    SESSION_CREATED = "session.created"
    SESSION_REOPENED = "session.reopened"
    SESSION_CLOSED = "session.closed"
    SESSION_CONFIGURED = "session.configured"
    AGENT_JOINED = "agent.joined"
    AGENT_LEFT = "agent.left"
    ROLE_TAKEN = "role.taken"
    ROLE_RETURNED = "role.returned"
    LOCK_CLAIMED = "lock.claimed"
    LOCK_RENEWED = "lock.renewed"
    LOCK_RELEASED = "lock.released"
    LOCK_EXPIRED = "lock.expired"
    LOCK_REVOKED = "lock.revoked"
    WAITER_JOINED = "waiter.joined"
    WAITER_LEFT = "waiter.left"
    TASK_STARTED = "task.started"
    TASK_PROGRESSED = "task.progressed"
    TASK_BLOCKED = "task.blocked"
    TASK_COMPLETED = "task.completed"
    TASK_FAILED = "task.failed"
    TASK_REOPENED = "task.reopened"
    TASK_UNBLOCKED = "task.unblocked"
    PLAN_DISTRIBUTED = "plan.distributed"
    MESSAGE_SENT = "message.sent"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a session.

    Attributes:
        seq: its number in the session, 1, 2, 3 … without gaps.
        agent_id: who did it; for lock.expired the holder; for what a person did, that person.
        kind: one of `EventKind`.
        payload: facts by kind, see docs/reference/events.md.
        created_at: database instant.
    """

    seq: int
    agent_id: str | None
    kind: str
    payload: dict[str, Any]
    created_at: datetime
