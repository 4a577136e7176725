"""What must not reach a log or a screen is taken out here: credentials, and whole virtual user ids.

It works on text and on the names of fields, because what is logged also comes from libraries. A virtual user id
becomes the same short hash wherever it appears, so lines about one connection can still be found together.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

MASK: Final = "***"

_SECRET_FIELD: Final = re.compile(
    r"authorization|api[-_]?key|passw(or)?d|passwd|secret|credential|cookie|dsn|database_url|(^|[-_])token$",
    re.IGNORECASE,
)
# fencing tokens are numbers that everybody may know.
_OPEN_FIELD: Final = re.compile(r"fencing_token$", re.IGNORECASE)
_URL_PASSWORD: Final = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/]+(?=@)", re.IGNORECASE)
_HEADER: Final = re.compile(
    r"(?P<before>\b(?:authorization|x-api-key|cookie)\b['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?)(?P<scheme>(?:bearer|basic)\s+)?[^\s'\",;)]+",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"(?P<before>\bbearer\s+)[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_PARAMETER: Final = re.compile(
    r"(?P<before>\b(?:password|passwd|(?:access_|refresh_|local_)?token|api_?key|secret)=)[^\s&'\",;)]+",
    re.IGNORECASE,
)
# Wherever they stand: somebody puts one where a name belongs. A part of one counts too.
_TOKEN: Final = re.compile(r"\b(?P<before>coord_(?:invite_)?)[A-Za-z0-9_-]{30,}")
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]*){0,2}")
_VIRTUAL_USER: Final = re.compile(r"[A-Za-z0-9._@+%-]+?__session__[A-Za-z0-9._@+%-]+")


def redact(text: str) -> str:
    """Return text with the values of credentials masked and virtual user ids shortened."""
    text = _URL_PASSWORD.sub(rf"\g<before>{MASK}", text)
    text = _HEADER.sub(rf"\g<before>{MASK}", text)
    text = _BEARER.sub(rf"\g<before>{MASK}", text)
    text = _PARAMETER.sub(rf"\g<before>{MASK}", text)
    text = _JWT.sub(MASK, _TOKEN.sub(rf"\g<before>{MASK}", text))
    return _VIRTUAL_USER.sub(lambda match: short(match[0]), text)


def short(virtual_user: str) -> str:
    """Return the hash that stands for a virtual user id, the same as `connection` in security warnings."""
    return f"connection:{hashlib.sha256(virtual_user.encode()).hexdigest()[:12]}"


def redacted(name: str, value: object) -> object:
    """Return the value of a field, or what may be shown of it; containers are looked through."""
    if _SECRET_FIELD.search(name) and not _OPEN_FIELD.search(name) and value not in (None, "", 0, False):
        return redact(value) if isinstance(value, str) and "://" in value else MASK
    if isinstance(value, Mapping):
        inner = cast("Mapping[object, object]", value)
        return {key: redacted(str(key), one) for key, one in inner.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted("", one) for one in cast("Sequence[object]", value)]
    if isinstance(value, int | float | None):
        return value
    return redact(value.decode(errors="replace") if isinstance(value, bytes) else str(value))
