"""The values of which the examples of the HTTP API are made: two agents write a parser, and a planner looks on."""

from typing import Any, Final

# Any: JSON, as it goes over the wire.
Json = dict[str, Any]

CHECKOUT: Final = "3f1c0a9d2b7e"
ROOT: Final = "/home/alice/parser"
AGENT: Final = "alice/impl_a"
PLANNER: Final = "alice/planner"
ANALYSIS: Final = "9a1f0c3b5d7e2468"

LEASE: Final[Json] = {
    "path": "src/parser.py",
    "key": "src/parser.py",
    "operation": "write",
    "checkout": CHECKOUT,
    "agent_id": AGENT,
    "fencing_token": 1795255200123,
    "granted_at": "2026-11-21T10:00:00Z",
    "expires_at": "2026-11-21T10:15:00Z",
    "expires_in_seconds": 612.5,
    "reason": "the new tokenizer",
    "task_id": "parser",
}
AGENT_SUMMARY: Final[Json] = {
    "agent_id": AGENT,
    "name": "impl_a",
    "user": "alice",
    "role": "implementer",
    "client": "claude",
    "presence": "active",
    "quiet_seconds": 12.4,
    "checkout": CHECKOUT,
    "checkout_root": ROOT,
    "lock_count": 1,
    "joined_at": "2026-11-21T09:58:00Z",
}
AGENT_STATUS: Final[Json] = {
    "agent_id": AGENT,
    "name": "impl_a",
    "user": "alice",
    "role": "implementer",
    "presence": "active",
    "quiet_seconds": 12.4,
    "checkout": CHECKOUT,
    "checkout_root": ROOT,
    "task": {
        "task_id": "parser",
        "status": "in_progress",
        "progress_percentage": 40,
        "message": "the tokenizer is done",
        "affected_files": None,
        "updated_at": "2026-11-21T10:02:00Z",
    },
    "locks": [LEASE],
    "lock_count": 1,
    "waiting": [
        {
            "paths": ["src/errors.py"],
            "path_count": 1,
            "operation": "write",
            "since": "2026-11-21T10:03:00Z",
            "ticket": 7,
            "parked": False,
        }
    ],
    "terminals": 1,
    "listed_at": "2026-11-21T09:58:00Z",
    "called_at": "2026-11-21T10:02:00Z",
}
TASK: Final[Json] = {
    "task_id": "parser",
    "status": "in_progress",
    "updated_at": "2026-11-21T10:02:00Z",
    "description": "Write the parser",
    "agent_id": AGENT,
    "assigned_to": AGENT,
    "depends_on": [],
    "files": ["src/parser.py"],
    "work": 2.0,
    "plan_revision": 1,
    "progress_percentage": 40,
    "message": "the tokenizer is done",
    "affected_files": ["src/parser.py"],
    "taken_at": "2026-11-21T10:00:00Z",
}
HANDED_OUT: Final[Json] = {
    "task_id": "parser",
    "description": "Write the parser",
    "assigned_to": AGENT,
    "depends_on": [],
    "files": ["src/parser.py"],
    "status": "in_progress",
    "agent_id": AGENT,
    "work": 2.0,
}
PLAN: Final[Json] = {
    "revision": 1,
    "analysis_id": ANALYSIS,
    "agent_count": 2,
    "agent_id": PLANNER,
    "created_at": "2026-11-21T09:57:00Z",
}
INDEX: Final[Json] = {
    "checkout": CHECKOUT,
    "files": 214,
    "with_symbols": 180,
    "commit": "5f0b4c7d9e1a3b5c7d9e1f2a4b6c8d0e2f4a6b8c",
    "refreshed_at": "2026-11-21T09:55:00Z",
}
FINGERPRINT: Final = "7c1e5a90b2d4f683"
