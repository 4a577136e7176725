"""Whatever is sent to the endpoint, the answer is a 4xx or a proper result, never a 5xx, and the next one is served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import examples
from tests.integration.transport.endpoint import CLAUDE_CODE, META, MODERN, PLANNER, Endpoint, Era, endpoint

HEADERS = tuple(CLAUDE_CODE.items())
ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])
LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ENVELOPE: dict[str, Any] = {"_meta": {f"{META}/protocolVersion": MODERN, f"{META}/clientCapabilities": {}}}


async def send(
    mcp: Endpoint, body: bytes, era: Era, method: str = "tools/list", name: str = ""
) -> httpx.Response:
    """Post raw bytes as an era would."""
    headers = {**CLAUDE_CODE, "content-type": "application/json"}
    if era == "modern":
        headers |= {"mcp-protocol-version": MODERN, "mcp-method": as_header(method)}
        headers |= {"mcp-name": name} if name else {}
    return await mcp.client.post(mcp.url + PLANNER, content=body, headers=headers)


def as_header(text: str) -> str:
    """Return what of a text an HTTP client can send as a header; it refuses the rest itself, before the server."""
    return "".join(letter for letter in text if letter.isascii() and letter.isprintable()).strip() or "x"


def call_body(name: str, arguments: Any) -> bytes:
    params = {"name": name, "arguments": arguments, **ENVELOPE}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


@ERAS
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"jsonrpc":"2.0"',
        b"\x00",
        b"\xff\xfe",
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"\xc3"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\\ud800"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":NaN}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list"} {}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_is_not_json_is_a_parse_error(mcp: Endpoint, body: bytes, era: Era) -> None:
    answer = await send(mcp, body, era)
    assert answer.status_code == 400
    assert answer.json() == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32700, "message": "Parse error"},
    }


@ERAS
@pytest.mark.parametrize(
    "message",
    [
        [],
        [LIST, LIST],
        1,
        "text",
        None,
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": {}, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": None, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": True, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 10**30, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": "text"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": [1]},
    ],
    ids=repr,
)
async def test_what_is_no_single_request_is_a_client_error(mcp: Endpoint, message: object, era: Era) -> None:
    answer = await send(mcp, json.dumps(message).encode(), era)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] < 0


@ERAS
async def test_a_huge_body_is_refused_and_the_next_request_served(mcp: Endpoint, era: Era) -> None:
    answer = await send(mcp, call_body("claim_file_lock", {"paths": ["x" * 10_000_000]}), era, "tools/call")
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert len(await mcp.tools(PLANNER, HEADERS, era=era)) == 5


async def test_a_huge_chunked_body_is_refused(mcp: Endpoint) -> None:
    async def chunks() -> AsyncGenerator[bytes, None]:
        for _ in range(40):
            yield b"x" * 65_536

    headers = {**CLAUDE_CODE, "content-type": "application/json"}
    answer = await mcp.client.post(mcp.url + PLANNER, content=chunks(), headers=headers)
    assert answer.status_code == 413


async def test_a_body_that_does_not_come_is_timed_out() -> None:
    async with endpoint(body_seconds=0.05) as mcp:
        host, port = mcp.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = ["host: 127.0.0.1", "content-type: application/json", "content-length: 9", "", "{"]
        writer.write("\r\n".join([f"POST {PLANNER} HTTP/1.1", *head]).encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_timeout"' in answer


@ERAS
@pytest.mark.parametrize("size", [8_000, 60_000])
async def test_huge_headers_are_refused_or_served(mcp: Endpoint, size: int, era: Era) -> None:
    for name in ("x-client-name", "user-agent", "x-coordination-checkout", "x-other", "mcp-name"):
        answer = await mcp.post(PLANNER, LIST, ((name, "(" * size), *HEADERS), era=era)
        assert answer.status_code < 500


@ERAS
@pytest.mark.parametrize(
    "name",
    ["", "x" * 100_000, "\x00", "a\nb", "\u202e", "claim_file_lock\x00", "CLAIM_FILE_LOCK", "..", "%s%n"],
)
async def test_odd_tool_names_are_unknown_tools(mcp: Endpoint, name: str, era: Era) -> None:
    header = name if name.isprintable() and name.isascii() and len(name) < 100 else ""
    answer = await send(mcp, call_body(name, {}), era, "tools/call", header)
    assert answer.status_code in {200, 400}
    assert not mcp.called


@ERAS
async def test_hashed_names_lead_to_no_tool(mcp: Endpoint, era: Era) -> None:
    for prefix in ("0" * 12, "a" * 8, "f" * 64):
        name = f"{prefix}_claim_file_lock"
        answer = await send(mcp, call_body(name, {}), era, "tools/call", name)
        assert answer.json()["result"]["content"][0]["text"] == f"Unknown tool: '{name}'"
    assert not mcp.called


@ERAS
@pytest.mark.parametrize(
    "info", [5, "claude-code", [], {}, {"name": 5}, {"name": None}, {"name": ["claude-code"]}]
)
async def test_a_client_info_that_is_none_shows_no_tools(mcp: Endpoint, info: object, era: Era) -> None:
    answer = await mcp.post(PLANNER, LIST, HEADERS, era=era, info=info)
    assert answer.status_code in {200, 400}
    assert answer.json().get("result", {"tools": []})["tools"] == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["jsonrpc", "id", "method", "params", "name", "arguments", "_meta", "cursor", "paths", "minutes"]
WORDS = ["2.0", "tools/call", "tools/list", "claim_file_lock", "initialize", "server/discover", "prompts/get"]
MESSAGES = st.dictionaries(
    st.sampled_from(FIELDS),
    VALUES
    | st.sampled_from(WORDS)
    | st.dictionaries(st.sampled_from(FIELDS), VALUES | st.sampled_from(WORDS)),
)


@ERAS
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(message={"method": {"0": None, "\x1f": None}})
@example(message={"method": "\ud800\r\n tools/call "})
@given(message=MESSAGES)
async def test_no_message_makes_the_server_fail(mcp: Endpoint, message: dict[str, Any], era: Era) -> None:
    whole = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", **message}
    answer = await send(mcp, json.dumps(whole).encode(), era, str(whole["method"])[:20])
    assert answer.status_code < 500


@ERAS
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=VALUES | st.dictionaries(st.sampled_from(["paths", "minutes", "other"]), VALUES))
async def test_no_arguments_make_a_tool_fail(mcp: Endpoint, arguments: Any, era: Era) -> None:
    answer = await send(mcp, call_body("claim_file_lock", arguments), era, "tools/call", "claim_file_lock")
    assert answer.status_code < 500
    result = answer.json().get("result")
    if result is not None and result["isError"]:
        assert result["structuredContent"]["code"] == "invalid_input"
