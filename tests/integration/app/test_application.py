"""The composed application: its order from the outside in, its errors, and its prefix."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from coordination.app import local_token
from coordination.app.application import create
from coordination.domain.visibility import PLANNER_TOOLS
from coordination.settings import load
from coordination.transport.mcp.identity import PATH as MCP_PATH
from coordination.wire.rest import Problem
from tests.integration.app.conftest import Client, Serve, serving
from tests.integration.transport.curl import CURL_CLAUDE, CURL_CURSOR, run_line

PLANNER = "/mcp/v2/claude/alice__session__demo__planner"
LIST: dict[str, Any] = {"jsonrpc": "2.0", "method": "tools/list", "params": {}, "id": 1}
CLAUDE_CODE = {"x-client-name": "claude code"}
TOOLS = list(PLANNER_TOOLS)
ROUTES = [
    "/health",
    "/ready",
    "/health/detailed",
    "/openapi.json",
    "/api/v1/sessions",
    "/api/v1/events",
    "/ws",
    PLANNER,
    "/nothing",
]


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    if response.request.method != "HEAD":
        assert response.headers["content-type"] == "application/problem+json"
        found = response.json()
        assert (found["status"], found["code"]) == (status, code)
        assert found.keys() >= {"type", "title", "detail"}


async def test_claude_code_sees_the_tools_and_cursor_none(client: Client) -> None:
    shown = await client.post(PLANNER, json=LIST, headers=CLAUDE_CODE)
    assert [tool["name"] for tool in shown.json()["result"]["tools"]] == TOOLS
    hidden = await client.post("/mcp/v2/cursor/alice", json=LIST, headers={"x-client-name": "cursor"})
    assert hidden.json()["result"]["tools"] == []


async def test_the_deployment_guides_lines_work_against_the_whole_service(client: Client) -> None:
    url = str(client.base_url).rstrip("/")
    shown = await run_line(CURL_CLAUDE, url)
    assert [tool["name"] for tool in shown["result"]["tools"]] == TOOLS
    assert await run_line(CURL_CURSOR, url) == {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}


async def test_a_tool_works_through_all_layers(client: Client) -> None:
    arguments = {"file_paths": ["src/app.py"], "reason": "refactoring"}
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}
    body = {**call, "params": {"name": "claim_file_lock", "arguments": arguments}}
    answer = (await client.post(PLANNER, json=body, headers=CLAUDE_CODE)).json()["result"]
    assert not answer["isError"], answer
    locks = (await client.get("/api/v1/sessions/demo/locks")).json()["locks"]
    assert "src/app.py" in {lock["path"] for lock in locks}


async def test_the_visit_of_the_doctor_leaves_no_trace(client: Client) -> None:
    visitor = "/mcp/v2/claude/coord-doctor__session__coord-doctor__planner"
    shown = await client.post(visitor, json=LIST, headers=CLAUDE_CODE)
    assert len(shown.json()["result"]["tools"]) == len(TOOLS)
    await client.post(PLANNER, json=LIST, headers=CLAUDE_CODE)
    await client.core.presence.flush()
    sessions = (await client.get("/api/v1/sessions")).json()["sessions"]
    names = {session["id"] for session in sessions}
    assert "demo" in names
    assert "coord-doctor" not in names


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"host": "evil.example"}, 421, "foreign_host"),
        ({"host": "127.0.0.1:8000", "origin": "http://evil.example"}, 403, "foreign_origin"),
        ({"host": "127.0.0.1:8000", "x-forwarded-for": "10.0.0.1"}, 400, "forwarded_header"),
    ],
)
async def test_the_guard_stands_before_every_route(
    client: Client, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    assert_problem(await client.get(path, headers=headers), status, code)
    assert_problem(await client.post(path, json=LIST, headers=headers), status, code)


@pytest.mark.parametrize(
    "path", ["/nothing", "/", "/docs", "/redoc", "/mcp", "/mcp/v2/claude", "/api/v1/nothing"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_what_does_not_exist_is_a_problem_that_says_so(client: Client, path: str, method: str) -> None:
    assert_problem(await client.request(method, path), 404, "not_found")


@pytest.mark.parametrize(
    "wish",
    [
        {"upgrade": "h2c", "connection": "Upgrade, HTTP2-Settings", "http2-settings": "AAMAAABkAAQ"},
        {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13"},
    ],
    ids=["h2c", "websocket"],
)
async def test_a_wish_for_another_protocol_is_ignored(client: Client, wish: dict[str, str]) -> None:
    assert_problem(await client.get("/nothing", headers=wish), 404, "not_found")
    shown = await client.post(PLANNER, json=LIST, headers={**CLAUDE_CODE, **wish})
    assert [tool["name"] for tool in shown.json()["result"]["tools"]] == TOOLS


@pytest.mark.parametrize("path", ["/health", "/ready", "/health/detailed", "/api/v1/sessions", PLANNER])
async def test_a_method_that_a_route_does_not_have_is_a_problem_that_names_the_others(
    client: Client, path: str
) -> None:
    response = await client.put(path, json={})
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/sessions", {"GET"}),
        ("/api/v1/sessions/demo", {"GET", "PATCH"}),
        ("/api/v1/sessions/demo/messages", {"GET", "POST"}),
        ("/api/v1/sessions/demo/index/files", {"GET", "POST"}),
        ("/api/v1/sessions/demo/agents/alice/impl_a", {"GET"}),
        ("/health", {"GET"}),
    ],
)
async def test_all_methods_of_a_path_are_named_to_who_uses_another(
    client: Client, path: str, methods: set[str]
) -> None:
    for method in ("DELETE", "OPTIONS"):
        answer = await client.request(method, path)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == methods


async def test_a_body_over_a_mebibyte_is_refused_on_every_route(client: Client) -> None:
    large = b"[" + b"1," * 600_000 + b"1]"
    for path in (PLANNER, "/api/v1/sessions/demo/messages", "/nothing"):
        response = await client.post(path, content=large, headers={"content-type": "application/json"})
        assert response.status_code in {404, 413}
    message = await client.post(
        "/api/v1/sessions/demo/messages", content=large, headers={"content-type": "application/json"}
    )
    assert_problem(message, 413, "body_too_large")


async def test_an_error_that_nobody_foresaw_is_a_problem_without_details(dsn: str) -> None:
    settings = load({"DATABASE_URL": dsn})
    app = create(settings)

    @app.get("/broken")
    async def broken() -> None:  # pyright: ignore[reportUnusedFunction]  the application keeps it
        raise RuntimeError("a secret of the inside")

    async with serving(app, settings) as client:
        response = await client.get("/broken")
    assert_problem(response, 500, "internal")
    assert "secret" not in response.text


async def test_every_answer_names_its_request(client: Client) -> None:
    answers = [await client.get(path) for path in ROUTES if path != PLANNER]
    answers.append(await client.post(PLANNER, json=LIST))
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(ROUTES)


@pytest.mark.parametrize("prefix", ["", "/tools/coord"])
async def test_every_answer_names_its_request_once_wherever_it_comes_from(
    serve: Serve, clean_dsn: str, prefix: str
) -> None:
    async with serve(clean_dsn, ROOT_PATH="/tools/coord") as client:
        answers = [await client.get(prefix + path) for path in ("/health", "/nothing", "/api/v1/sessions")]
        answers += [await client.request(method, prefix + "/mcp") for method in ("GET", "POST")]
        answers.append(await client.post(prefix + PLANNER, json=LIST, headers=CLAUDE_CODE))
        unread = await client.get(prefix + PLANNER)
    assert [len(answer.headers.get_list("x-request-id")) for answer in answers] == [1] * len(answers)
    assert unread.headers.get_list("x-request-id") == []


@pytest.mark.parametrize("path", ["/", "/mcp", "/nothing"])
async def test_what_does_not_exist_is_answered_with_where_the_endpoint_is(client: Client, path: str) -> None:
    assert MCP_PATH in (await client.get(path)).json()["detail"]


async def test_openapi_describes_the_api_and_points_to_no_foreign_host(client: Client) -> None:
    response = await client.get("/openapi.json")
    assert "/api/v1/sessions" in response.json()["paths"]
    assert re.findall(r"https?://[^\"\s]+", response.text) == []


async def test_openapi_describes_every_refusal_as_the_problem_that_it_is(client: Client) -> None:
    described = (await client.get("/openapi.json")).json()
    assert not {"HTTPValidationError", "ValidationError"} & described["components"]["schemas"].keys()
    assert described["components"]["schemas"]["Problem"]["properties"].keys() == Problem.model_fields.keys()
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            refusals = {status: found for status, found in route["responses"].items() if status != "200"}
            assert {"400", "422", "500", "503"} <= refusals.keys(), (method, path)
            for found in refusals.values():
                assert found["description"]
                [(media_type, media)] = found["content"].items()
                assert media_type == "application/problem+json"
                assert media["schema"] == {"$ref": "#/components/schemas/Problem"}


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/sessions", {"headers": {"x-forwarded-for": "10.0.0.1"}}, 400),
        ("GET", "/sessions", {"headers": {"authorization": "Basic eA=="}}, 400),
        ("GET", "/sessions", {"headers": {"origin": "http://evil.example"}}, 403),
        ("GET", "/sessions", {"headers": {"host": "evil.example"}}, 421),
        ("GET", "/sessions", {"params": {"limit": "0"}}, 422),
        ("GET", "/sessions", {"content": b"x" * 2**21}, 413),
        ("GET", "/sessions/{session}", {}, 404),
        ("GET", "/sessions/{session}/locks", {}, 404),
        ("GET", "/sessions/{session}/events", {}, 404),
        ("GET", "/events?session={session}", {}, 404),
        ("GET", "/events", {}, 422),
        ("GET", "/events?session={session}&after=x", {}, 400),
        ("PATCH", "/sessions/{session}", {"json": {"status": "closed"}}, 404),
        ("PATCH", "/sessions/{session}", {"json": {}}, 422),
        ("PATCH", "/sessions/{session}", {"content": b"status=closed"}, 415),
        ("POST", "/sessions/{session}/locks/revoke", {"json": {"everything": True}}, 404),
        ("POST", "/sessions/{session}/locks/revoke", {"json": {"paths": ["../a"]}}, 400),
        ("POST", "/sessions/{session}/messages", {"json": {"text": "x", "sender": "bob"}}, 404),
    ],
)
async def test_what_is_refused_is_described(
    client: Client, method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    answer = await client.request(method, f"/api/v1{path}".format(session="nowhere"), **sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert Problem.model_validate_json(answer.content).status == status
    described = (await client.get("/openapi.json")).json()["paths"]
    assert str(status) in described[f"/api/v1{path.partition('?')[0]}"][method.lower()]["responses"]


async def test_everything_works_under_a_prefix_whether_a_proxy_strips_it_or_not(
    serve: Serve, dsn: str
) -> None:
    async with serve(dsn, ROOT_PATH="/tools/coord") as client:
        for prefix in ("", "/tools/coord"):
            for path in ("/health", "/health/detailed", "/openapi.json", "/api/v1/sessions"):
                assert (await client.get(prefix + path)).status_code == 200
            shown = await client.post(prefix + PLANNER, json=LIST, headers=CLAUDE_CODE)
            assert len(shown.json()["result"]["tools"]) == len(TOOLS)
            assert_problem(await client.get(f"{prefix}/nothing"), 404, "not_found")


async def test_a_required_token_is_asked_for_everywhere_but_on_the_health_routes(
    serve: Serve, dsn: str
) -> None:
    async with serve(dsn, COORDINATION_LOCAL_TOKEN="required") as client:  # noqa: S106 - when to ask
        for path in ("/health", "/ready", "/health/detailed"):
            assert (await client.get(path)).status_code == 200
        for path in ("/openapi.json", "/api/v1/sessions", PLANNER, "/nothing"):
            assert_problem(await client.get(path), 401, "unauthorized")
            wrong = await client.get(path, headers={"authorization": "Bearer wrong"})
            assert_problem(wrong, 401, "unauthorized")


async def test_with_its_token_a_client_is_served(serve: Serve, dsn: str) -> None:
    async with serve(dsn, COORDINATION_LOCAL_TOKEN="required") as client:  # noqa: S106 - when to ask
        client.headers["authorization"] = f"Bearer {local_token.read(client.settings.data_dir)}"
        assert (await client.get("/api/v1/sessions")).status_code == 200
        shown = await client.post(PLANNER, json=LIST, headers=CLAUDE_CODE)
        assert len(shown.json()["result"]["tools"]) == len(TOOLS)
