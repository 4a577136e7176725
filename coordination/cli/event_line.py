"""One event as one line for people. An event of a kind that this version does not know shows its kind alone.

Payloads carry what agents wrote and named: everything is cleaned before it is shown.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from rich.text import Text

from coordination.cli.picture import shortened
from coordination.domain.event import Event, EventKind
from coordination.domain.text import clean, counted

SHOWN: Final = 3
NAME: Final = 130
TEXT: Final = 300

Payload = Mapping[str, Any]


def event_line(event: Event) -> str:
    """Return `13:05:12  alice/impl_a claimed src/app.py (write)`, in the machine's own time zone."""
    who = clean(event.agent_id or "somebody", NAME)
    tell = _SENTENCES.get(event.kind)
    try:
        what = clean(event.kind, NAME) if tell is None else tell(event.payload)
    except (KeyError, TypeError, AttributeError):
        what = clean(event.kind, NAME)
    return f"{event.created_at.astimezone():%H:%M:%S}  {who} {what}"


def told(events: Iterable[Event]) -> list[Text]:
    """Return a line to show for each event; a long one is cut where the width of a terminal ends."""
    return [Text(event_line(event), style="dim", no_wrap=True, overflow="ellipsis") for event in events]


def _locks(verb: str) -> Callable[[Payload], str]:
    def tell(payload: Payload) -> str:
        locks = cast("list[Payload]", payload["locks"])
        operations = ", ".join(sorted({str(lock.get("operation", "")) for lock in locks} - {""}))
        holders = sorted({str(lock["agent_id"]) for lock in locks}) if verb == "revoked" else []
        whose = f" of {clean(', '.join(holders), NAME)}" if holders else ""
        suffix = f" ({clean(operations, NAME)})" if verb == "claimed" and operations else ""
        return f"{verb} {_paths([str(lock['path']) for lock in locks])}{whose}{suffix}"

    return tell


def _paths(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(shortened(path) for path in paths[:SHOWN]) + more


def _task(verb: str) -> Callable[[Payload], str]:
    def tell(payload: Payload) -> str:
        percentage = payload.get("progress_percentage")
        progress = f", {int(percentage)}%" if percentage is not None else ""
        message = payload.get("message")
        said = f': "{clean(str(message), TEXT)}"' if message else ""
        return f"{verb} task {clean(str(payload['task_id']), NAME)}{progress}{said}"

    return tell


def _message(payload: Payload) -> str:
    to = clean(", ".join(str(name) for name in payload["to"]), NAME) or "nobody"
    return f'wrote to {to}: "{clean(str(payload["text"]), TEXT)}"'


def _configured(payload: Payload) -> str:
    across = payload.get("across_checkouts")
    return f"set: other checkouts {clean(str(across), NAME)}" if across else "set the session active"


def _role_taken(payload: Payload) -> str:
    before = clean(", ".join(str(name) for name in payload["taken_from"]), NAME)
    return f"made {clean(str(payload['agent']), NAME)} the planner" + (
        f" instead of {before}" if before else ""
    )


_SENTENCES: Final[Mapping[str, Callable[[Payload], str]]] = {
    EventKind.SESSION_CREATED: lambda _: "began the session",
    EventKind.SESSION_REOPENED: lambda _: "opened the session again",
    EventKind.SESSION_CLOSED: lambda _: "closed the session",
    EventKind.SESSION_CONFIGURED: _configured,
    EventKind.AGENT_JOINED: lambda payload: f"joined as {clean(str(payload.get('role')), NAME)}",
    EventKind.AGENT_LEFT: lambda payload: "left: its process ended" if payload["why"] == "ended" else "left",
    EventKind.ROLE_TAKEN: _role_taken,
    EventKind.ROLE_RETURNED: lambda payload: (
        f"gave back the planner's role of {clean(str(payload['agent']), NAME)}"
    ),
    EventKind.LOCK_CLAIMED: _locks("claimed"),
    EventKind.LOCK_RENEWED: _locks("renewed"),
    EventKind.LOCK_RELEASED: _locks("released"),
    EventKind.LOCK_EXPIRED: _locks("let expire"),
    EventKind.LOCK_REVOKED: _locks("revoked"),
    EventKind.WAITER_JOINED: lambda payload: f"waits for {_paths(list(payload['paths']))}",
    EventKind.WAITER_LEFT: lambda payload: f"no longer waits for {_paths(list(payload['paths']))}",
    EventKind.TASK_STARTED: _task("started"),
    EventKind.TASK_PROGRESSED: _task("works on"),
    EventKind.TASK_BLOCKED: _task("is blocked in"),
    EventKind.TASK_COMPLETED: _task("completed"),
    EventKind.TASK_FAILED: _task("failed in"),
    EventKind.TASK_REOPENED: _task("opened again"),
    EventKind.TASK_UNBLOCKED: lambda payload: (
        f"freed task {clean(str(payload['task_id']), NAME)}, which waited for {clean(str(payload['after']), NAME)}"
    ),
    EventKind.PLAN_DISTRIBUTED: lambda payload: (
        f"handed out plan {int(payload['revision'])}: {counted(int(payload['task_count']), 'task')} for"
        f" {counted(int(payload['agent_count']), 'agent')}"
    ),
    EventKind.MESSAGE_SENT: _message,
}
