"""What an error of the domain becomes over MCP.

Every error is a result with `isError`, structured content `{code, message, next_call}` and the same as text, in an
HTTP 200: a client that sees another status on a tool call retries nothing and tells its model nothing. The HTTP
statuses of the same codes are the table in `transport.problem`. Contention is not an error and is not here.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from coordination.domain.text import LONGEST_CALL, call, printable

INTERNAL_CODE: Final = "internal"


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


# Any: the arguments of a call, as JSON has them.
def repeated(tool: str, arguments: Mapping[str, Any]) -> str:
    """Return a call with these arguments, "" when they are too long to be repeated."""
    if len(json.dumps(arguments, ensure_ascii=False)) > LONGEST_CALL:
        return ""
    return printable(call(tool, **arguments))
