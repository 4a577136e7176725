"""The virtual user id: the last part of a connection URL, which says who connects.

`{user}` is a person without a shared session. `{user}__session__{session}__{agent}` is one agent of that
person in a session. This module reads the text strictly and explains the form when it is wrong; it decides
nothing about rights and never falls back to a plain user when a longer id is malformed.
"""

import re
from dataclasses import dataclass
from typing import Final

from coordination.domain.errors import InvalidInput

FORM: Final = "{user} or {user}__session__{session}__{agent}"
PART_MAX: Final = 64
PART_FORM: Final = (
    f"1 to {PART_MAX} characters of A-Z a-z 0-9 . _ - @ +, with no `__` inside and no `_` at either end"
)
"""What the name of a user, a session or an agent has, in words."""

_SEPARATOR: Final = "__"
_MARK: Final = "session"
_PLAIN_PARTS: Final = 1
_SESSION_PARTS: Final = 4
_PART: Final = re.compile(r"(?!_)[A-Za-z0-9._@+-]{1,64}(?<!_)")


@dataclass(frozen=True, slots=True)
class VirtualUser:
    """Who connects, as the URL says it.

    Attributes:
        user: the person, 1..64 characters.
        session: the session the agent joins, or None for a plain user.
        agent: the agent's name in that session, None exactly when `session` is.
    """

    user: str
    session: str | None = None
    agent: str | None = None


def parse_virtual_user(text: str) -> VirtualUser:
    """Read a virtual user id (case-sensitive, ASCII only).

    Args:
        text: the URL's last path segment, already percent-decoded.

    Raises:
        InvalidInput: `text` is not of the form; the message shows it. Nothing of `text` is repeated in it.
    """
    parts = text.split(_SEPARATOR)
    if len(parts) == _PLAIN_PARTS:
        return VirtualUser(_part("user", parts[0]))
    if len(parts) != _SESSION_PARTS or parts[1] != _MARK:
        raise _refusal("it has `__` in another place than the form")
    user, _, session, agent = parts
    return VirtualUser(_part("user", user), _part("session", session), _part("agent", agent))


def is_part(text: str) -> bool:
    """Whether a user, a session or an agent can have this name."""
    return _SEPARATOR not in text and _PART.fullmatch(text) is not None


def _part(name: str, text: str) -> str:
    if _PART.fullmatch(text) is None:
        raise _refusal(f"its {name} part is {_flaw(text)}")
    return text


def _flaw(text: str) -> str:
    if not text:
        return "empty"
    if len(text) > PART_MAX:
        return f"longer than {PART_MAX} characters"
    if text.startswith("_") or text.endswith("_"):
        return "beginning or ending in `_`"
    return "using another character than A-Z a-z 0-9 . _ - @ +"


def _refusal(why: str) -> InvalidInput:
    return InvalidInput(
        f"The virtual user id in the URL is malformed: {why}. It must be {FORM}, where every part has "
        f"1 to {PART_MAX} characters of A-Z a-z 0-9 . _ - @ +, no `__` inside and no `_` at either end.",
        next_call="/mcp/v2/claude/alice__session__demo__planner",
        details={"field": "virtual_user_id", "form": FORM},
    )
