"""What the client raises for an answer that is none: the service's own words, or that nobody understands them.

It decides nothing about repeating; `retry` does, by the type of the error.
"""

from http import HTTPStatus
from typing import Any, Final

import httpx

from coordination.client.errors import ClientError, RequestRefused, ServiceUnavailable

NOT_UNDERSTOOD: Final = "not_understood"


def refusal(url: str, response: httpx.Response) -> ClientError:
    """Return the error that a problem answer (RFC 9457) of the service at `url` stands for."""
    if response.has_redirect_location:
        return _elsewhere(url, response)
    try:
        problem: Any = response.json()
        code, message = str(problem["code"]), str(problem["detail"])
        next_call, details = str(problem.get("next_call", "")), dict(problem.get("details") or {})
    except (ValueError, KeyError, TypeError, AttributeError):
        return not_ours(url, f" (HTTP {response.status_code})")
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        next_call = _later(response) or next_call
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return ServiceUnavailable(message, next_call=next_call, code=code)
    return RequestRefused(message, next_call=next_call, code=code, details=details)


def not_ours(url: str, how: str = "") -> ClientError:
    """Return the error that what answers at `url` is no service, or one of another version."""
    return RequestRefused(
        f"What answers at {url} does not speak this version's language{how}.",
        code=NOT_UNDERSTOOD,
    )


def _elsewhere(url: str, response: httpx.Response) -> ClientError:
    """Return the error for an answer that points elsewhere: a credential does not go where it was not meant to."""
    return RequestRefused(
        f"What answers at {url} points to {response.headers['location']} (HTTP {response.status_code}); "
        "a credential follows no redirect.",
        next_call="Use the address that the service itself has.",
        code=NOT_UNDERSTOOD,
    )


def _later(response: httpx.Response) -> str:
    """Say after how long to ask again, if the answer does."""
    seconds = response.headers.get("retry-after", "")
    return f"Try again in {seconds} s." if seconds.isdecimal() else ""
