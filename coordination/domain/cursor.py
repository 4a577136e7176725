"""Where a reader of several sessions stands: the number of the last event that it has of each.

Numbers are dense in a session and mean nothing in another one, so a cursor over several sessions has one each.
As text it is `demo:12,other:7`, in ASCII; what is no letter, digit or `-._~@+` is written as in URLs (`%2C`). Which
sessions there are is not known here.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from coordination.domain.errors import InvalidInput

SEQ_MAX: Final = 2**63 - 1
FORM: Final = "a number, or SESSION:NUMBER for each session, such as demo:12,other:7"

_PART: Final = re.compile(r"([^:,]+):([0-9]{1,19})")
_NUMBER: Final = re.compile(r"[0-9]{1,19}")


def written(cursor: Mapping[str, int], first: str | None = None) -> str:
    """Return a cursor as text.

    Args:
        cursor: the number of the last event by session.
        first: the session to name first; None keeps the order.
    """
    sessions = list(cursor) if first is None else [first, *(name for name in cursor if name != first)]
    return ",".join(f"{quote(session, safe='@+')}:{cursor[session]}" for session in sessions)


def parse(text: str, sessions: list[str]) -> dict[str, int]:
    """Read a cursor; a number alone counts for each session.

    Args:
        text: what `written` returned, or a number.
        sessions: the sessions that are asked for.

    Returns:
        The number of the last event by session; a session that the text does not name is not in it.

    Raises:
        InvalidInput: it has another form, a number is too large, or it names a session that is not asked for.
    """
    if _NUMBER.fullmatch(text):
        return dict.fromkeys(sessions, _number(text))
    cursor: dict[str, int] = {}
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _malformed()
        session = _unquoted(match[1])
        if session not in sessions or session in cursor:
            raise InvalidInput(
                "The cursor must name each session once, and none but those that are asked for.",
                details={"field": "after"},
            )
        cursor[session] = _number(match[2])
    return cursor


def _number(text: str) -> int:
    number = int(text)
    if number > SEQ_MAX:
        raise _malformed()
    return number


def _unquoted(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise _malformed() from None


def _malformed() -> InvalidInput:
    return InvalidInput(
        f"The cursor (Last-Event-ID, or after) must be {FORM}. Send what an event had as its id.",
        details={"field": "after"},
    )
