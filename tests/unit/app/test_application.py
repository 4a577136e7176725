"""Which of two applications a request is led to before any route is asked."""

from __future__ import annotations

import pytest

from coordination.app.application import McpBesideRoutes, UnderPrefix
from tests.unit.transport.asgi import Inner, run, scope_of

ENDPOINT = "/mcp/v2/claude/alice__session__demo__planner"


async def led_to(path: str, kind: str = "http", prefix: str = "", method: str = "POST") -> str:
    """Which application serves it: that of the routes, or the MCP endpoint."""
    routes, mcp = Inner(), Inner()
    app = UnderPrefix(McpBesideRoutes(routes, mcp=mcp), prefix=prefix)
    await run(app, scope_of(kind, path, method=method))
    assert len(routes.scopes) + len(mcp.scopes) == 1
    return "mcp" if mcp.scopes else "routes"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", [ENDPOINT, "/mcp/v2/claude", "/mcp/v2/"])
async def test_whatever_is_asked_below_the_endpoint_is_led_past_the_routes(path: str, method: str) -> None:
    assert await led_to(path, method=method) == "mcp"


@pytest.mark.parametrize("path", ["/", "/mcp", "/mcp/v1/claude/alice", "/mcp/v2", "/health", f"/x{ENDPOINT}"])
async def test_everything_else_is_led_to_the_routes(path: str) -> None:
    assert await led_to(path) == "routes"


@pytest.mark.parametrize("path", [ENDPOINT, f"/tools{ENDPOINT}"])
async def test_under_a_prefix_the_endpoint_is_found_whether_a_proxy_strips_it_or_not(path: str) -> None:
    assert await led_to(path, prefix="/tools") == "mcp"
    assert await led_to("/tools/health", prefix="/tools") == "routes"


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
async def test_what_is_no_http_request_is_the_applications(kind: str) -> None:
    assert await led_to(ENDPOINT, kind) == "routes"


async def test_the_routes_get_an_exchange_and_the_endpoint_which_brings_its_own_gets_none() -> None:
    app = McpBesideRoutes(Inner(), mcp=Inner())
    assert "x-request-id" in (await run(app, scope_of("http", "/health"))).headers
    assert "x-request-id" not in (await run(app, scope_of("http", ENDPOINT))).headers
