"""Values of a session's status for tests of how it is shown: each with defaults, each field to be replaced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from coordination.domain.agent import Presence
from coordination.domain.event import Event
from coordination.domain.file_lock import Lease, Operation
from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.session import AcrossCheckouts, AgentStatus, SessionStatus, Waiting

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOSTILE = "\x1b[31m[bold]red[/bold]\x1b]0;title\x07\u202e\x00\r\nnext"
"""ANSI, markup, a title sequence, a bidi mark, NUL and line ends."""


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def lease(path: str = "src/app.py", **changes: Any) -> Lease:
    values: dict[str, Any] = {
        "path": path,
        "key": path.casefold(),
        "operation": Operation.WRITE,
        "checkout": "",
        "agent_id": "alice/impl_a",
        "fencing_token": 1,
        "granted_at": NOW,
        "expires_at": NOW + timedelta(seconds=900),
        "expires_in_seconds": 900.0,
    }
    return Lease(**(values | changes))


def waiting(*paths: str, **changes: Any) -> Waiting:
    values: dict[str, Any] = {
        "paths": paths,
        "path_count": len(paths),
        "operation": Operation.WRITE,
        "since": ago(seconds=35),
        "ticket": 1,
        "parked": False,
    }
    return Waiting(**(values | changes))


def agent(name: str = "impl_a", **changes: Any) -> AgentStatus:
    locks: tuple[Lease, ...] = changes.get("locks", ())
    values: dict[str, Any] = {
        "agent_id": f"alice/{name}",
        "name": name,
        "user": "alice",
        "role": "implementer",
        "presence": Presence.ACTIVE,
        "quiet_seconds": 4.0,
        "checkout": "",
        "checkout_root": None,
        "task": None,
        "locks": (),
        "lock_count": len(locks),
        "waiting": (),
        "terminals": 1,
        "listed_at": ago(seconds=30),
        "called_at": ago(seconds=4),
    }
    return AgentStatus(**(values | changes))


def status(*agents: AgentStatus, **changes: Any) -> SessionStatus:
    values: dict[str, Any] = {
        "now": NOW,
        "session": "demo",
        "status": "active",
        "across_checkouts": AcrossCheckouts.WARN,
        "agents": agents,
        "waits": (),
        "overlaps": (),
        "totals": {"agents": len(agents), "active": len(agents), "locks": 0, "waiting": 0, "last_event": 0},
    }
    return SessionStatus(**(values | changes))


def planned(id_: str, state: str = "pending", **changes: Any) -> HandedOut:
    values: dict[str, Any] = {
        "task_id": id_,
        "description": f"Do {id_}",
        "assigned_to": "alice/impl_b",
        "depends_on": (),
        "files": (),
        "status": state,
    }
    return HandedOut(**(values | changes))


def claimed(seq: int, path: str = "a.py") -> Event:
    locks = [{"path": path, "operation": "write", "agent_id": "alice/impl_a"}]
    return Event(seq, "alice/impl_a", "lock.claimed", {"locks": locks}, NOW)
