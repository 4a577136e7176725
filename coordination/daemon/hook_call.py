"""One call of a hook and what it is answered, as values."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson

from coordination.daemon.frames import BadFrame, read_request


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
        BadFrame: it carries none.
    """
    facts, given = read_request(request)
    event = facts.get("event")
    if not event:
        raise BadFrame("a request without an event")
    body = _loaded(given)
    if not isinstance(body, dict):
        return HookCall(event, facts, peer_pid, {}, unparsed=True)
    return HookCall(event, facts, peer_pid, cast("dict[str, Any]", body))


def _loaded(given: bytes) -> object:
    """Return what JSON says, None when it is none."""
    try:
        return orjson.loads(given)
    except orjson.JSONDecodeError:
        pass
    try:
        # Claude Code writes half a character too, as `"\\ud83d"`, which this one reads and the fast one does not.
        return json.loads(given)
    except (ValueError, RecursionError):
        return None
