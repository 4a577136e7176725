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
    try:
        problem: Any = response.json()
        code, message = str(problem["code"]), str(problem["detail"])
        next_call = str(problem.get("next_call", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return not_ours(url, f" (HTTP {response.status_code})")
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return ServiceUnavailable(message, next_call=next_call, code=code)
    return RequestRefused(message, next_call=next_call, code=code)


def not_ours(url: str, how: str = "") -> ClientError:
    """Return the error that what answers at `url` is no service, or one of another version."""
    return RequestRefused(
        f"What answers at {url} does not speak this version's language{how}.",
        code=NOT_UNDERSTOOD,
    )
