"""Asking a service for one answer, with the standard library: commands that only wait for it load no HTTP client.

It follows no redirect and uses no proxy, and repeats nothing. Over https it verifies who answers.
"""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

BODY_MAX: Final = 1_000_000
"""Bytes of an answer that are read: whoever has the port may send without end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered: the HTTP status and the body."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON, None when it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def detail(self) -> str:
        """What a problem answer says, or ""."""
        try:
            return str(self.json()["detail"])
        except (TypeError, LookupError):
            return ""


def ask(
    url: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 2.0,
) -> Reply | None:
    """GET `url`, or POST a body as JSON to it.

    Returns:
        None when nobody answers in HTTP within `timeout` seconds.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    sent = dict(headers or {})
    try:
        if body is None:
            connection.request("GET", parts.path, headers=sent)
        else:
            connection.request(
                "POST", parts.path, orjson.dumps(body), {"content-type": "application/json", **sent}
            )
        response = connection.getresponse()
        return Reply(response.status, response.read(BODY_MAX))
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
