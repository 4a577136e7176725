"""Examples of what agents' programs send and are answered: file locks, progress and news."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from coordination.transport.rest.story import AGENT, AGENT_STATUS, LEASE, ROOT, Json

_ACTING: Final[Json] = {"agent": AGENT, "checkout": f"laptop:{ROOT}", "terminal": "4711-1795255080"}
_GRANT: Final[Json] = {name: LEASE[name] for name in ("path", "fencing_token")}

BODIES: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "Joining": {**_ACTING, "only_if_free": True},
        "Leaving": {**_ACTING, "why": "left"},
        "SyncReport": {
            **_ACTING,
            "task_id": "parser",
            "status": "in_progress",
            "progress_percentage": 40,
            "message": "the tokenizer is done",
            "affected_files": ["src/parser.py"],
        },
        "NewsConfirmation": {**_ACTING, "cursor": 12},
        "LockClaim": {
            **_ACTING,
            "paths": ["src/parser.py", "tests/test_parser.py"],
            "operation": "write",
            "duration_minutes": 15,
            "wait_seconds": 45,
            "reason": "the new tokenizer",
            "task_id": "parser",
        },
        "Renewal": {**_ACTING, "leases": [_GRANT], "duration_minutes": 15},
        "Release": {**_ACTING, "leases": [_GRANT]},
    }
)
"""What is sent, by the name of its model."""

ANSWERS: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "Claimed": {
            "outcome": "granted",
            "leases": [LEASE],
            "granted_tokens": [LEASE["fencing_token"]],
            "previous_holders": {},
            "warnings": [
                {
                    "path": "src/parser.py",
                    "locked_by": "alice/impl_b",
                    "checkout": "a4e19c0b77d2",
                    "checkout_root": "/home/alice/parser-2",
                }
            ],
            "conflicts": [],
            "conflict_count": 0,
            "ahead": [],
            "queue_position": None,
            "ticket": None,
            "next_expiry_seconds": None,
        },
        "Synced": {
            "now": "2026-11-21T10:02:00Z",
            "task": AGENT_STATUS["task"],
            "sent_to": None,
            "released": [],
            "news": {
                "items": [
                    {
                        "id": 12,
                        "kind": "message.sent",
                        "at": "2026-11-21T10:01:00Z",
                        "payload": {"text": "Leave the errors to impl_b, please.", "to": [AGENT]},
                        "from_agent": "bob",
                    }
                ],
                "cursor": 12,
                "more": False,
            },
            "leases": [LEASE],
            "lease_count": 1,
            "next_task": {"task_id": "errors", "description": "Write the errors"},
            "open_task": "parser",
            "waiting_task": {
                "task_id": "release",
                "waits_for": [{"task_id": "errors", "status": "pending", "agent_id": None}],
            },
            "namesake_task": None,
        },
        "Departure": {"agent_id": AGENT, "left": True, "released": [LEASE]},
        "NewsConfirmed": {"cursor": 12},
        "Renewed": {"renewed": [LEASE]},
        "Released": {"released": [LEASE]},
    }
)
"""What is answered, by the name of its model."""
