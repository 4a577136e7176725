"""What the headers of a request say: values by name, the one that may occur once, and two spelt as the SDK reads them.

What a value means is not known here.
"""

from collections.abc import Iterable, Iterator
from typing import Final, cast

from starlette.types import Scope

from coordination.domain.errors import InvalidInput

JSON: Final = "application/json"

Headers = Iterable[tuple[bytes, bytes]]


def values(headers: Headers, name: bytes) -> Iterator[str]:
    """Return the values of a header as Latin-1, in order; `name` is lower-case."""
    for header, value in headers:
        if header == name:
            yield value.decode("latin-1")


def only(headers: Headers, name: bytes) -> str:
    """Return the one value of a header as text (UTF-8, else Latin-1), '' when it is absent.

    Raises:
        InvalidInput: the header occurs more than once with different values.
    """
    found = set(values(headers, name))
    if len(found) > 1:
        raise InvalidInput(
            f"The header {name.decode()} occurs more than once with different values. Send it once.",
            details={"field": name.decode()},
        )
    raw = found.pop().encode("latin-1") if found else b""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def media_type(scope: Scope) -> str:
    """Return the media type of the body without its parameters, lower-case; '' when there is none or not one."""
    found = list(values(scope["headers"], b"content-type"))
    return found[0].partition(";")[0].strip().lower() if len(found) == 1 else ""


def spell_for_the_sdk(scope: Scope) -> None:
    """Spell two headers as the SDK reads them.

    Without an Accept header a client takes anything (RFC 9110 section 12.5.1), where the SDK would answer 406; and
    a media type has no case (section 8.3.1), where it would answer 415.
    """
    said = dict(cast("Headers", scope["headers"]))
    if said[b"content-type"] == JSON.encode() and said.get(b"accept", b"").strip():
        return
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
    headers.append((b"content-type", JSON.encode()))
    if not "".join(values(scope["headers"], b"accept")).strip():
        headers = [(name, value) for name, value in headers if name != b"accept"]
        headers.append((b"accept", b"*/*"))
    scope["headers"] = headers
