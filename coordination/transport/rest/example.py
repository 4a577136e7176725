"""An example of every body that the HTTP API takes and answers, as `/openapi.json` shows them.

They tell one story: two agents write a parser, and a planner looks on. Tests compare each with the schema of its model,
so nothing here can be what the service would not take or answer.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

# Any: JSON, as it goes over the wire.
_Json = dict[str, Any]

_CHECKOUT: Final = "3f1c0a9d2b7e"
_ROOT: Final = "/home/alice/parser"
_AGENT: Final = "alice/impl_a"
_PLANNER: Final = "alice/planner"
_ANALYSIS: Final = "9a1f0c3b5d7e2468"

_LEASE: Final[_Json] = {
    "path": "src/parser.py",
    "key": "src/parser.py",
    "operation": "write",
    "checkout": _CHECKOUT,
    "agent_id": _AGENT,
    "fencing_token": 1795255200123,
    "granted_at": "2026-11-21T10:00:00Z",
    "expires_at": "2026-11-21T10:15:00Z",
    "expires_in_seconds": 612.5,
    "reason": "the new tokenizer",
    "task_id": "parser",
}
_AGENT_SUMMARY: Final[_Json] = {
    "agent_id": _AGENT,
    "name": "impl_a",
    "user": "alice",
    "role": "implementer",
    "client": "claude",
    "presence": "active",
    "quiet_seconds": 12.4,
    "checkout": _CHECKOUT,
    "checkout_root": _ROOT,
    "lock_count": 1,
    "joined_at": "2026-11-21T09:58:00Z",
}
_AGENT_STATUS: Final[_Json] = {
    "agent_id": _AGENT,
    "name": "impl_a",
    "user": "alice",
    "role": "implementer",
    "presence": "active",
    "quiet_seconds": 12.4,
    "checkout": _CHECKOUT,
    "checkout_root": _ROOT,
    "task": {
        "task_id": "parser",
        "status": "in_progress",
        "progress_percentage": 40,
        "message": "the tokenizer is done",
        "affected_files": None,
        "updated_at": "2026-11-21T10:02:00Z",
    },
    "locks": [_LEASE],
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
_TASK: Final[_Json] = {
    "task_id": "parser",
    "status": "in_progress",
    "updated_at": "2026-11-21T10:02:00Z",
    "description": "Write the parser",
    "agent_id": _AGENT,
    "assigned_to": _AGENT,
    "depends_on": [],
    "files": ["src/parser.py"],
    "work": 2.0,
    "plan_revision": 1,
    "progress_percentage": 40,
    "message": "the tokenizer is done",
    "affected_files": ["src/parser.py"],
    "taken_at": "2026-11-21T10:00:00Z",
}
_PLAN: Final[_Json] = {
    "revision": 1,
    "analysis_id": _ANALYSIS,
    "agent_count": 2,
    "agent_id": _PLANNER,
    "created_at": "2026-11-21T09:57:00Z",
}
_INDEX: Final[_Json] = {
    "checkout": _CHECKOUT,
    "files": 214,
    "with_symbols": 180,
    "commit": "5f0b4c7d9e1a3b5c7d9e1f2a4b6c8d0e2f4a6b8c",
    "refreshed_at": "2026-11-21T09:55:00Z",
}
_FINGERPRINT: Final = "7c1e5a90b2d4f683"

BODIES: Final[Mapping[str, _Json]] = MappingProxyType(
    {
        "SessionChange": {"across_checkouts": "block", "by": "bob"},
        "Revocation": {"paths": ["src/parser.py"], "agent": _AGENT, "by": "bob"},
        "RoleChange": {"agent": _AGENT, "by": "bob"},
        "PersonMessage": {"text": "Leave the errors to impl_b, please.", "to": ["impl_a"], "sender": "bob"},
        "RefreshBegin": {"checkout": _CHECKOUT, "by": "bob"},
        "FileBatch": {
            "checkout": _CHECKOUT,
            "refresh": 3,
            "files": [
                {
                    "path": "src/parser.py",
                    "digest": "a41d88e0c7",
                    "symbols": ["Parser", "parse"],
                    "imports": ["src/errors.py"],
                    "co_changes": [{"path": "tests/test_parser.py", "weight": 0.8}],
                }
            ],
            "removed": ["src/old_parser.py"],
        },
        "RefreshEnd": {
            "checkout": _CHECKOUT,
            "refresh": 3,
            "files": 214,
            "commit": _INDEX["commit"],
            "fingerprint": _FINGERPRINT,
        },
    }
)
"""What is sent, by the name of its model."""

ANSWERS: Final[Mapping[str, _Json]] = MappingProxyType(
    {
        "SessionPage": {
            "sessions": [
                {
                    "id": "demo",
                    "name": "demo",
                    "description": None,
                    "user": "alice",
                    "status": "active",
                    "across_checkouts": "warn",
                    "created_at": "2026-11-21T09:56:00Z",
                    "agents": 3,
                    "locks": 1,
                    "last_activity": "2026-11-21T10:04:00Z",
                }
            ],
            "next_cursor": "demo",
        },
        "SessionStatus": {
            "now": "2026-11-21T10:04:47.5Z",
            "session": "demo",
            "status": "active",
            "across_checkouts": "warn",
            "agents": [_AGENT_STATUS],
            "waits": [{"waiting": _AGENT, "blocking": "alice/impl_b"}],
            "overlaps": [],
            "totals": {
                "agents": 3,
                "active": 2,
                "recent": 1,
                "locks": 2,
                "waiting": 1,
                "tasks": {"in_progress": 2, "pending": 1},
                "last_event": 31,
            },
            "next_cursor": _AGENT,
        },
        "SessionSettings": {"session": "demo", "status": "active", "across_checkouts": "block"},
        "AgentPage": {"agents": [_AGENT_SUMMARY], "next_cursor": _AGENT},
        "AgentStatus": _AGENT_STATUS,
        "LockPage": {"locks": [_LEASE], "next_cursor": "/src/parser.py"},
        "Revoked": {"revoked": [_LEASE]},
        "TaskPage": {"tasks": [_TASK], "next_cursor": "parser"},
        "Task": _TASK,
        "PlanPage": {"plans": [_PLAN], "next_cursor": None},
        "Plan": {
            **_PLAN,
            "tasks": [
                {
                    "task_id": "parser",
                    "description": "Write the parser",
                    "assigned_to": _AGENT,
                    "depends_on": [],
                    "files": ["src/parser.py"],
                    "status": "in_progress",
                    "agent_id": _AGENT,
                    "work": 2.0,
                }
            ],
        },
        "HeldRole": {
            "agent_id": _AGENT,
            "role": "planner",
            "changed": True,
            "taken_from": ["alice/impl_b"],
        },
        "FirstPrompt": {"prompt": "You are impl_a in the coordination session demo.\n…"},
        "MessagePage": {
            "messages": [
                {
                    "id": 12,
                    "sender": "bob",
                    "text": "Leave the errors to impl_b, please.",
                    "to": [_AGENT],
                    "sent_at": "2026-11-21T10:01:00Z",
                }
            ],
            "next_cursor": None,
        },
        "Sent": {"sent_to": [_AGENT]},
        "IndexPage": {"indexes": [_INDEX], "next_cursor": None},
        "KnownFilePage": {
            "files": [{"path": "src/parser.py", "digest": "a41d88e0c7"}],
            "next_cursor": "src/parser.py",
        },
        "Refresh": {"refresh": 3, "files": 215, "fingerprint": _FINGERPRINT},
        "Added": {"files": 1, "removed": 1},
        "IndexSummary": _INDEX,
        "EventPage": {
            "events": [
                {
                    "seq": 12,
                    "agent_id": "bob",
                    "kind": "message.sent",
                    "payload": {"text": "Leave the errors to impl_b, please.", "to": [_AGENT]},
                    "created_at": "2026-11-21T10:01:00Z",
                }
            ],
            "next_after": 12,
        },
    }
)
"""What is answered, by the name of its model."""

STREAM: Final = (
    "id: demo:11\nretry: 2000\n\n"
    "event: message.sent\n"
    'data: {"seq":12,"agent_id":"bob","kind":"message.sent","payload":{"text":"hello","to":["alice/impl_a"]},'
    '"created_at":"2026-11-21T10:01:00Z"}\n'
    "id: demo:12\n\n"
    ": heartbeat\n\n"
)
"""The first lines of a stream of events."""

PROBLEMS: Final[Mapping[int, tuple[str, str, str]]] = MappingProxyType(
    {
        400: ("invalid_input", 'paths: "../a.py" leads out of the repository. Send paths below it.', ""),
        401: ("unauthorized", "This service asks for its local token. Send Authorization: Bearer TOKEN.", ""),
        403: ("foreign_origin", "Pages of that Origin may not call this service.", ""),
        404: ("not_found", "There is no such session.", "coord sessions"),
        408: ("body_timeout", "The request body must arrive within 10 seconds.", ""),
        409: ("setting_refused", "Locks in different checkouts overlap. Release or revoke one first.", ""),
        413: ("body_too_large", "The request body may have at most 1048576 bytes.", ""),
        415: (
            "unsupported_media_type",
            "The body must be JSON: send it with the header Content-Type: application/json.",
            "",
        ),
        421: ("foreign_host", "This service does not answer under that Host name.", ""),
        422: ("invalid_input", "limit: Input should be less than or equal to 200 (got 201).", ""),
        500: ("internal", "The service failed on this request and logged it (request 4f9d2c71).", ""),
        503: ("retry_later", "The database cannot answer now. Repeat the call in a few seconds.", ""),
    }
)
"""Code, detail and next call of a problem, by its status."""
