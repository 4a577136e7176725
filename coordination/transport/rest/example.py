"""An example of every body that the HTTP API takes and answers, as `/openapi.json` shows them.

They tell one story: two agents write a parser, and a planner looks on. Tests compare each with the schema of its model,
so nothing here can be what the service would not take or answer.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from coordination.transport.rest import example_acting, example_hosted, example_planning
from coordination.transport.rest.story import (
    AGENT,
    AGENT_STATUS,
    AGENT_SUMMARY,
    CHECKOUT,
    FINGERPRINT,
    HANDED_OUT,
    INDEX,
    LEASE,
    PLAN,
    TASK,
    Json,
)

BODIES: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "SessionChange": {"across_checkouts": "block", "by": "bob"},
        "Revocation": {"paths": ["src/parser.py"], "agent": AGENT, "by": "bob"},
        "RoleChange": {"agent": AGENT, "by": "bob"},
        "PersonMessage": {"text": "Leave the errors to impl_b, please.", "to": ["impl_a"], "sender": "bob"},
        "RefreshBegin": {"checkout": CHECKOUT, "by": "bob"},
        "FileBatch": {
            "checkout": CHECKOUT,
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
            "checkout": CHECKOUT,
            "refresh": 3,
            "files": 214,
            "commit": INDEX["commit"],
            "fingerprint": FINGERPRINT,
        },
        **example_acting.BODIES,
        **example_planning.BODIES,
        **example_hosted.BODIES,
    }
)
"""What is sent, by the name of its model."""

ANSWERS: Final[Mapping[str, Json]] = MappingProxyType(
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
            "agents": [AGENT_STATUS],
            "waits": [{"waiting": AGENT, "blocking": "alice/impl_b"}],
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
            "next_cursor": AGENT,
        },
        "SessionSettings": {"session": "demo", "status": "active", "across_checkouts": "block"},
        "AgentPage": {"agents": [AGENT_SUMMARY], "next_cursor": AGENT},
        "AgentStatus": AGENT_STATUS,
        "LockPage": {"locks": [LEASE], "next_cursor": "/src/parser.py"},
        "Revoked": {"revoked": [LEASE]},
        "TaskPage": {"tasks": [TASK], "next_cursor": "parser"},
        "Task": TASK,
        "PlanPage": {"plans": [PLAN], "next_cursor": None},
        "Plan": {
            **PLAN,
            "tasks": [HANDED_OUT],
        },
        "HeldRole": {
            "agent_id": AGENT,
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
                    "to": [AGENT],
                    "sent_at": "2026-11-21T10:01:00Z",
                }
            ],
            "next_cursor": None,
            "removed_up_to": None,
        },
        "Sent": {"sent_to": [AGENT]},
        "IndexPage": {"indexes": [INDEX], "next_cursor": None},
        "KnownFilePage": {
            "files": [{"path": "src/parser.py", "digest": "a41d88e0c7"}],
            "next_cursor": "src/parser.py",
        },
        "Refresh": {"refresh": 3, "files": 215, "fingerprint": FINGERPRINT},
        "Added": {"files": 1, "removed": 1},
        "IndexSummary": INDEX,
        "EventPage": {
            "events": [
                {
                    "seq": 12,
                    "agent_id": "bob",
                    "kind": "message.sent",
                    "payload": {"text": "Leave the errors to impl_b, please.", "to": [AGENT]},
                    "created_at": "2026-11-21T10:01:00Z",
                }
            ],
            "next_after": 12,
            "removed_up_to": None,
        },
        **example_acting.ANSWERS,
        **example_planning.ANSWERS,
        **example_hosted.ANSWERS,
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
        429: ("rate_limited", "Your credential asks too often. Nothing was done. Wait 2 s, then go on.", ""),
        500: ("internal", "The service failed on this request and logged it (request 4f9d2c71).", ""),
        503: ("retry_later", "The database cannot answer now. Repeat the call in a few seconds.", ""),
    }
)
"""Code, detail and next call of a problem, by its status."""
