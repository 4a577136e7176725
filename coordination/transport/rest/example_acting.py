"""Examples of what agents' programs send and are answered: file locks, progress and news."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from coordination.transport.rest.story import AGENT, LEASE, ROOT, Json

_ACTING: Final[Json] = {"agent": AGENT, "checkout": f"laptop:{ROOT}", "terminal": "4711-1795255080"}
_GRANT: Final[Json] = {name: LEASE[name] for name in ("path", "fencing_token")}

BODIES: Final[Mapping[str, Json]] = MappingProxyType(
    {
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
        "Renewed": {"renewed": [LEASE]},
        "Released": {"released": [LEASE]},
    }
)
"""What is answered, by the name of its model."""
