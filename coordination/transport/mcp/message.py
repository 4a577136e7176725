"""What the body of an MCP request says before the SDK has read it: whether it is one message, and who sends it."""

from collections.abc import Mapping
from typing import Final, cast

_CLIENT_INFO_KEY: Final = "io.modelcontextprotocol/clientInfo"


def is_single(message: object) -> bool:
    """Whether a body is one JSON-RPC object with a usable id, or without one."""
    if not isinstance(message, dict):
        return False
    request_id = member(cast("object", message), "id")
    return "id" not in message or (isinstance(request_id, str | int) and not isinstance(request_id, bool))


def client_info(message: object) -> str | None:
    """Return `clientInfo.name`: None without clientInfo, '' when it has no usable or no single name."""
    params = member(message, "params")
    infos = [member(member(params, "_meta"), _CLIENT_INFO_KEY)]
    if member(message, "method") == "initialize":
        infos.append(member(params, "clientInfo"))
    names = {_name(info) for info in infos if info is not None}
    if not names:
        return None
    return names.pop() if len(names) == 1 else ""


def member(value: object, key: str) -> object:
    """Return a member of a JSON object, None when there is none or it is no object."""
    return cast("Mapping[str, object]", value).get(key) if isinstance(value, dict) else None


def _name(info: object) -> str:
    name = member(info, "name")
    return name if isinstance(name, str) else ""
