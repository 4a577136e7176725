"""The endpoint as both protocol eras meet it: methods, status codes, negotiation, and who is let in."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from coordination.domain.virtual_user import FORM
from tests.integration.transport.endpoint import (
    CLAUDE_CODE,
    INSTRUCTIONS,
    META,
    MODERN,
    PLANNER,
    Endpoint,
    Era,
    endpoint,
)

HEADERS = tuple(CLAUDE_CODE.items())
ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])
LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
OLD_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


def problem_code(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    return body["code"]


@pytest.mark.parametrize("version", OLD_VERSIONS)
async def test_the_older_era_negotiates_every_version(mcp: Endpoint, version: str) -> None:
    params = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "claude-code", "version": "2.1.197"},
    }
    result = await mcp.ask(PLANNER, "initialize", params)
    assert result["protocolVersion"] == version
    assert result["serverInfo"] == {"name": "coordination", "version": "1.2.3"}
    assert result["instructions"] == INSTRUCTIONS
    assert result["capabilities"]["tools"] == {"listChanged": False}
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = await mcp.post(PLANNER, note, (("mcp-protocol-version", version),))
    assert (answer.status_code, answer.content) == (202, b"")
    assert len(await mcp.tools(PLANNER, (*HEADERS, ("mcp-protocol-version", version)))) == 5


async def test_the_modern_era_discovers(mcp: Endpoint) -> None:
    result = await mcp.ask(PLANNER, "server/discover", None, HEADERS, era="modern")
    assert MODERN in result["supportedVersions"]
    assert result["_meta"][f"{META}/serverInfo"] == {"name": "coordination", "version": "1.2.3"}
    assert result["cacheScope"] == "private"


@pytest.mark.parametrize(
    "method", ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
)
@pytest.mark.parametrize("headers", [HEADERS, (("x-client-name", "cursor"),)], ids=["visible", "hidden"])
async def test_modern_lists_may_be_kept_by_nobody_else(
    mcp: Endpoint, method: str, headers: tuple[tuple[str, str], ...]
) -> None:
    result = await mcp.ask(PLANNER, method, None, headers, era="modern")
    assert (result["cacheScope"], result["ttlMs"]) == ("private", 0)


async def test_ping(mcp: Endpoint) -> None:
    assert await mcp.ask(PLANNER, "ping") == {}
    assert await mcp.ask("/mcp/v2/cursor/bob", "ping") == {}


async def test_the_modern_era_has_no_ping(mcp: Endpoint) -> None:
    """MCP 2026-07-28 took it out; every request is its own proof of life."""
    answer = await mcp.post(PLANNER, {**LIST, "method": "ping"}, HEADERS, era="modern")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, -32601)


@ERAS
@pytest.mark.parametrize("method", ["nonsense", "", "tools/lists"])
async def test_an_unknown_method_is_an_error_of_the_protocol(mcp: Endpoint, method: str, era: Era) -> None:
    answer = await mcp.post(PLANNER, {**LIST, "method": method}, HEADERS, era=era)
    assert answer.status_code == (200 if era == "legacy" else 404)
    assert "error" in answer.json()


async def test_an_unknown_version_is_told_the_supported_ones(mcp: Endpoint) -> None:
    answer = await mcp.post(PLANNER, LIST, (*HEADERS, ("mcp-protocol-version", "2031-01-01")))
    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT", "PATCH"])
@pytest.mark.parametrize("version", [None, "2025-11-25", MODERN])
async def test_other_methods_are_not_allowed(mcp: Endpoint, method: str, version: str | None) -> None:
    headers = {} if version is None else {"mcp-protocol-version": version, "accept": "text/event-stream"}
    answer = await mcp.client.request(method, mcp.url + PLANNER, headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_options_names_the_method_and_opens_nothing_to_pages(mcp: Endpoint) -> None:
    answer = await mcp.client.options(mcp.url + PLANNER, headers={"origin": "http://evil.example"})
    assert (answer.status_code, answer.headers["allow"]) == (204, "POST")
    assert not [name for name in answer.headers if name.startswith("access-control")]


@ERAS
@pytest.mark.parametrize(
    "user",
    [
        *(
            "alice__session__demo",
            "alice__session__demo__",
            "alice__",
            "alice%20bob",
            "%D0%B0lice",
            "alice%00",
        ),
        *(
            "alice__session__a__session__b",
            "alice__SESSION__demo__planner",
            "x" * 65,
            "alice%0A",
            "$%7BUSER%7D",
        ),
        "alice__session__demo__planner__x",
    ],
)
async def test_a_malformed_virtual_user_is_400_whatever_else_is_sent(
    mcp: Endpoint, user: str, era: Era
) -> None:
    for client in ("claude", "cursor"):
        answer = await mcp.post(f"/mcp/v2/{client}/{user}", LIST, HEADERS, era=era)
        assert (answer.status_code, problem_code(answer)) == (400, "invalid_input")
        assert FORM in answer.json()["detail"]
    unread = await mcp.client.post(f"{mcp.url}/mcp/v2/claude/{user}", content=b"{broken")
    assert unread.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/mcp",
            "/mcp/v2",
            "/mcp/v2/claude",
            "/mcp/v2/claude/",
            "/mcp/v2//alice",
            "/mcp/v1/claude/alice",
        ),
        *(
            "/mcp/v2/claude/alice/",
            "/mcp/v2/claude/alice/x",
            "/mcp/v2/claude/al%2Fice",
            "/MCP/v2/claude/alice",
        ),
        *("/x/mcp/v2/claude/alice", "/mcp/v2/claude/alice%2F"),
    ],
)
async def test_there_is_nothing_beside_the_endpoint(mcp: Endpoint, path: str) -> None:
    answer = await mcp.post(path, LIST, HEADERS)
    assert (answer.status_code, problem_code(answer)) == (404, "not_found")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-coordination-checkout", "no colon"),
        ("x-coordination-checkout", "host:relative/path"),
        ("x-coordination-checkout", "host:/a/../b"),
        ("x-coordination-terminal", "not-numbers"),
        ("authorization", "Basic abc"),
    ],
)
async def test_a_malformed_header_is_400(mcp: Endpoint, name: str, value: str) -> None:
    answer = await mcp.post(PLANNER, LIST, (*HEADERS, (name, value)))
    assert (answer.status_code, problem_code(answer)) == (400, "invalid_input")
    assert name in answer.json()["detail"].lower()


async def test_two_checkouts_or_two_credentials_are_400(mcp: Endpoint) -> None:
    two = (("x-coordination-checkout", "a:/x"), ("x-coordination-checkout", "a:/y"))
    assert (await mcp.post(PLANNER, LIST, (*HEADERS, *two))).status_code == 400
    both = (("authorization", "Bearer a"), ("x-api-key", "b"))
    assert (await mcp.post(PLANNER, LIST, (*HEADERS, *both))).status_code == 400


@pytest.mark.parametrize("raw", ["h:/\u00fcml\u00e4ut".encode(), "h:/\u00fcml\u00e4ut".encode("latin-1")])
async def test_a_checkout_is_read_in_either_encoding_of_headers(mcp: Endpoint, raw: bytes) -> None:
    await mcp.tools(PLANNER, (*HEADERS, (b"x-coordination-checkout", raw)))
    assert mcp.listed[0].checkout_root == "/\u00fcml\u00e4ut"


@ERAS
@pytest.mark.parametrize(
    "accept", [None, "", "*/*", "application/json", "application/json, text/event-stream"]
)
async def test_accept_may_be_absent_or_anything_that_includes_json(
    mcp: Endpoint, accept: str | None, era: Era
) -> None:
    headers = [*HEADERS, ("accept", accept or "")]
    request = mcp.client.build_request("POST", mcp.url + PLANNER, json=LIST, headers=headers)
    if era == "modern":
        meta: dict[str, Any] = {f"{META}/protocolVersion": MODERN, f"{META}/clientCapabilities": {}}
        modern = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/list")]
        body: dict[str, Any] = {**LIST, "params": {"_meta": meta}}
        request = mcp.client.build_request("POST", mcp.url + PLANNER, json=body, headers=[*headers, *modern])
    if accept is None:
        del request.headers["accept"]
    answer = await mcp.client.send(request)
    assert answer.status_code == 200
    assert len(answer.json()["result"]["tools"]) == 5


@ERAS
@pytest.mark.parametrize("accept", ["text/html", "text/event-stream", "image/*", "application/xml"])
async def test_another_accept_is_406(mcp: Endpoint, accept: str, era: Era) -> None:
    answer = await mcp.post(PLANNER, LIST, (*HEADERS, ("accept", accept)), era=era)
    assert answer.status_code == 406


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
@pytest.mark.parametrize("version", [None, MODERN])
async def test_another_content_type_is_415(mcp: Endpoint, kind: str, version: str | None) -> None:
    headers = {"content-type": kind, **({} if version is None else {"mcp-protocol-version": version})}
    answer = await mcp.client.post(mcp.url + PLANNER, content=b"{}", headers=headers)
    assert (answer.status_code, problem_code(answer)) == (415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_with_parameters_is_json(mcp: Endpoint, kind: str) -> None:
    headers = {**CLAUDE_CODE, "content-type": kind}
    answer = await mcp.client.post(mcp.url + PLANNER, json=LIST, headers=headers)
    assert answer.status_code == 200


async def test_the_endpoint_works_under_a_prefix() -> None:
    mounted: list[Starlette] = []

    def under_prefix(app: Any) -> Any:
        mounted.append(Starlette(routes=[Mount("/prefix", app)], lifespan=app.lifespan))
        return mounted[0]

    async with endpoint(wrap=under_prefix) as mcp:
        assert len(await mcp.tools(f"/prefix{PLANNER}", HEADERS)) == 5
        assert (await mcp.post(PLANNER, LIST, HEADERS)).status_code == 404


@ERAS
async def test_a_call_runs_no_list_before_it(era: Era) -> None:
    async with endpoint() as mcp:
        await mcp.call(PLANNER, "claim_file_lock", {"paths": ["a.py"]}, HEADERS, era=era)
        assert (len(mcp.listed), len(mcp.called)) == (0, 1)


@ERAS
async def test_answers_carry_a_request_id_and_no_server_details(mcp: Endpoint, era: Era) -> None:
    answer = await mcp.post(PLANNER, LIST, HEADERS, era=era)
    assert len(answer.headers["x-request-id"]) == 32
    assert "fastmcp" not in answer.text.lower()
