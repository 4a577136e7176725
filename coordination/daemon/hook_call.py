"""One call of a hook and what it is answered, as values."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from coordination.daemon.frames import BadFrame, read_request

_BEFORE_TOOL: Final = "PreToolUse"
_HALVES: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class HookCall:
    """What a hook asks.

    Attributes:
        event: what it was called for: the name of a Claude Code event, or `headers`.
        facts: what it says of itself, by name: `event`, `pid`, `ppid`, `host_python`, and those variables of its
            environment that are set (docs/reference/plugin.md lists them).
        peer_pid: its process, as the kernel says.
        body: what Claude Code gave it, {} where that is no JSON object. Strings of a call that was too long are cut;
            a half of a character that a text was cut in, as JSON can write it, stays.
        unparsed: whether that was no JSON object.
    """

    event: str
    facts: Mapping[str, str]
    peer_pid: int
    body: Mapping[str, Any]  # JSON of another program
    unparsed: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What a hook prints: `output`, one JSON object; `delivered` is called when it has printed it, and only then."""

    output: bytes
    delivered: Callable[[], None] | None = None


def parse(request: bytes, peer_pid: int) -> HookCall:
    """Return the call that a request carries.

    Raises:
        BadFrame: it carries none, or is about a tool that it does not name. Such a tool may be an edit: without an
            answer the hook goes by the person's policy.
    """
    facts, given = read_request(request)
    event = facts.get("event")
    if not event:
        raise BadFrame("a request without an event")
    try:
        body = _loads(given)
    except (ValueError, RecursionError):
        body = None
    known = cast("dict[str, Any]", body) if isinstance(body, dict) else None
    if event == _BEFORE_TOOL and not isinstance((known or {}).get("tool_name"), str):
        raise BadFrame("a hook before a tool that does not say which")
    return HookCall(event, facts, peer_pid, known or {}, unparsed=known is None)


def _loads(given: bytes) -> Any:
    """Read JSON, also such as `orjson` refuses: what Claude Code says of a text that was cut within a character.

    Half a character stands as what Claude Code makes of it when it writes it to the disk.
    """
    try:
        return orjson.loads(given)
    except orjson.JSONDecodeError:
        read = json.loads(given.decode("utf-8", "replace"))
        return orjson.loads(_HALVES.sub("\ufffd", json.dumps(read, ensure_ascii=False)))
