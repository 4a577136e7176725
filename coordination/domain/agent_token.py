"""Tokens of agents: what they look like, and what is known of one after it was shown.

A token is a random text that whoever made it sees once. What is kept of it is its SHA-256: with 256 random bits nobody
can guess one, so a slow hash would protect nothing more (OWASP Password Storage is about what people choose).
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from coordination.domain.identity import Role

TOKEN_PREFIX: Final = "coord_"  # noqa: S105 - how each begins
INVITATION_PREFIX: Final = "coord_invite_"
LABEL_MAX: Final = 100
DAYS_MAX: Final = 3650

_RANDOM: Final = r"[A-Za-z0-9_-]{43}"
_TOKEN: Final = re.compile(f"{TOKEN_PREFIX}{_RANDOM}")
_INVITATION: Final = re.compile(f"{INVITATION_PREFIX}{_RANDOM}")


@dataclass(frozen=True, slots=True)
class AgentToken:
    """What is known of a token; its secret is not.

    Attributes:
        id: what names it, no secret.
        user: whose it is.
        session: the one session that it is for; None for any.
        agent: the one agent that it is for; None for any of the user.
        role: the role that it gives its agent; None when the agent's name decides.
        scopes: what it is for: read, write, manage.
        label: what people call it.
        created_by: who made it.
        created_at: when.
        expires_at: until when it works; None for ever.
        last_used_at: when it last worked, to the minute; None for never.
    """

    id: str
    user: str
    session: str | None
    agent: str | None
    role: Role | None
    scopes: tuple[str, ...]
    label: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def is_token(text: str) -> bool:
    """Whether a text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def is_invitation(text: str) -> bool:
    """Whether a text has the form of an invitation's code."""
    return _INVITATION.fullmatch(text) is not None


def digest(secret: str) -> bytes:
    """Return what is kept of a token or a code."""
    return hashlib.sha256(secret.encode()).digest()
