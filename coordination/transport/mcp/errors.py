"""The one table of what an error of the domain becomes on the wire: its HTTP status, and its MCP answer.

Over HTTP an error is a problem with the status of this table. Over MCP every error is a result with
`isError`, structured content `{code, message, next_call}` and the same as text, in an HTTP 200: a client that
sees another status on a tool call retries nothing and tells its model nothing. Contention is not an error and
is not here.
"""

from types import MappingProxyType
from typing import Final

from coordination.domain.errors import (
    CheckoutTaken,
    CoordinationError,
    InvalidInput,
    LeaseLost,
    RetryLater,
    SettingRefused,
    TaskTaken,
    UnknownItem,
    WaitCycle,
)

HTTP_STATUS: Final = MappingProxyType(
    {
        InvalidInput.code: 400,
        UnknownItem.code: 404,
        LeaseLost.code: 409,
        WaitCycle.code: 409,
        TaskTaken.code: 409,
        CheckoutTaken.code: 409,
        SettingRefused.code: 409,
        RetryLater.code: 503,
    }
)
"""Status by code, for every leaf of the error tree."""

INTERNAL_CODE: Final = "internal"
INTERNAL_STATUS: Final = 500


def http_status(error: CoordinationError) -> int:
    """Return the HTTP status of an error; 500 for one that the table does not know."""
    return HTTP_STATUS.get(error.code, INTERNAL_STATUS)


def structured(code: str, message: str, next_call: str) -> dict[str, object]:
    """Return the structured content of an error: `{code, message}`, and `next_call` when there is one."""
    content: dict[str, object] = {"code": code, "message": message}
    if next_call:
        content["next_call"] = next_call
    return content


def as_text(code: str, message: str, next_call: str) -> str:
    """Return the same as `structured` in words."""
    return f"{code}: {message}\nNext: {next_call}" if next_call else f"{code}: {message}"


def internal_message(request_id: str) -> str:
    """Return what a caller is told when the service failed in a way nobody foresaw."""
    return (
        f"The service failed on this call and logged it (request {request_id}). "
        "It is not known whether anything was written: look before you repeat it."
    )
