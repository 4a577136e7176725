"""A real endpoint for tests: tiny tools under the product's names, a real server, both protocol eras."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import httpx
import uvicorn
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.types import ASGIApp

from coordination.domain.identity import Identity
from coordination.domain.visibility import PLANNER_TOOLS
from coordination.transport.auth import LocalTokenGate
from coordination.transport.exchange import Exchange
from coordination.transport.mcp.server import build_mcp, mcp_app
from coordination.transport.mcp.tool import Answer, CoordinationTool, ToolCard
from coordination.transport.mcp.visibility import Refusals

MODERN = "2026-07-28"
META = "io.modelcontextprotocol"
PLANNER = "/mcp/v2/claude/alice__session__demo__planner"
IMPLEMENTER = "/mcp/v2/claude/alice__session__demo__impl_a"
NO_SESSION = "/mcp/v2/claude/alice"
CLAUDE_CODE = {"x-client-name": "claude code"}
INSTRUCTIONS = "Claim before you edit."

Era = Literal["legacy", "modern"]
Headers = Sequence[tuple[str | bytes, str | bytes]]
Use = Callable[[Identity, Exchange], Any]


class Item(BaseModel):
    """A part of the input with parts of its own."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    size: int = 0

    @field_validator("name")
    @classmethod
    def _not_endless(cls, name: str) -> str:
        if name == "endless":
            raise ValueError("may not be endless, " * 100)
        return name


class Arguments(BaseModel):
    """What every test tool takes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    paths: list[str] = Field(default=[], max_length=3)
    minutes: int | None = Field(default=None, ge=1, le=60)
    items: list[Item] | None = None


class Structured(BaseModel):
    """What every test tool answers."""

    agent: str | None = None
    paths: list[str] | None = None


def tool_named(name: str, use: Use | None = None) -> CoordinationTool[Arguments]:
    """Make a tool that answers who called it, after doing what the test wants."""

    class Named(CoordinationTool[Arguments]):
        card: ClassVar[ToolCard[Any]] = ToolCard(
            name=name,
            title=name,
            description=f"The test tool {name}.",
            arguments=Arguments,
            answer=Structured,
            subject=("paths",),
            details=frozenset({"minutes"}),
            read_only=True,
        )

        def __init__(self) -> None:
            super().__init__()

        async def call(self, identity: Identity, arguments: Arguments, exchange: Exchange) -> Answer:
            if use is not None:
                await use(identity, exchange)
            return Answer(Structured(agent=identity.agent_id, paths=arguments.paths), "done")

    return Named()


@dataclass
class Endpoint:
    """An endpoint that is being served, and what it reported."""

    url: str
    refusals: Refusals
    listed: list[Identity] = field(default_factory=list[Identity])
    called: list[Identity] = field(default_factory=list[Identity])
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30))

    async def post(
        self,
        path: str,
        body: dict[str, Any],
        headers: Headers = (),
        *,
        era: Era = "legacy",
        info: object = None,
    ) -> httpx.Response:
        """Post one JSON-RPC request in the way of an era, with clientInfo in `_meta` when it is given."""
        wire: list[tuple[str | bytes, str | bytes]] = list(headers)
        params: dict[str, Any] = dict(body.get("params", {}))
        meta: dict[str, Any] = dict(params.get("_meta", {}))
        if era == "modern":
            meta = {f"{META}/protocolVersion": MODERN, f"{META}/clientCapabilities": {}, **meta}
            wire += [("mcp-protocol-version", MODERN), ("mcp-method", body["method"])]
            wire += [("mcp-name", params["name"])] if "name" in params else []
        if info is not None:
            meta[f"{META}/clientInfo"] = info
        if meta:
            params["_meta"] = meta
        message = {**body, "params": params}
        return await self.client.post(self.url + path, json=message, headers=wire)  # pyright: ignore[reportArgumentType]  names and values of both kinds, as httpx takes them

    async def ask(
        self,
        path: str,
        method: str,
        params: dict[str, Any] | None = None,
        headers: Headers = (),
        *,
        era: Era = "legacy",
        info: object = None,
    ) -> Any:
        """Ask one thing that must be answered with 200, and return the JSON-RPC result."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        response = await self.post(path, body, headers, era=era, info=info)
        assert response.status_code == 200, response.text
        return response.json()["result"]

    async def tools(
        self, path: str, headers: Headers = (), *, era: Era = "legacy", info: object = None
    ) -> list[str]:
        """List the names of the tools that a caller sees."""
        result = await self.ask(path, "tools/list", None, headers, era=era, info=info)
        return [tool["name"] for tool in result["tools"]]

    async def call(
        self,
        path: str,
        name: str,
        arguments: dict[str, Any] | None = None,
        headers: Headers = (),
        *,
        era: Era = "legacy",
        info: object = None,
    ) -> httpx.Response:
        """Call a tool."""
        params = {"name": name, "arguments": arguments or {}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return await self.post(path, body, headers, era=era, info=info)


class _Server(uvicorn.Server):
    """uvicorn inside a test: it leaves the signals of the test run alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def served(app: ASGIApp, *, at: int = 0, **options: Any) -> AsyncGenerator[str, None]:
    """Serve an ASGI application on a port of loopback, by default a free one, and yield its URL."""
    # The protocol is named, because asyncio switches off Nagle's algorithm only where it is: 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", at))
    config = uvicorn.Config(app, log_level="warning", access_log=False, proxy_headers=False, **options)
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            assert not serving.done(), "the server ended before it started"
            await asyncio.sleep(0)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listener.close()


@contextlib.asynccontextmanager
async def endpoint(
    use: Use | None = None, wrap: Callable[[ASGIApp], ASGIApp] | None = None, **options: Any
) -> AsyncGenerator[Endpoint, None]:
    """Serve all five test tools.

    Args:
        use: what each tool does before it answers.
        wrap: puts further middleware around the application.
        options: passed to `mcp_app`.
    """
    result = Endpoint("", Refusals())
    mcp = build_mcp(
        [tool_named(name, use) for name in PLANNER_TOOLS],
        instructions=INSTRUCTIONS,
        version="1.2.3",
        on_listed=result.listed.append,
        on_called=result.called.append,
        refusals=result.refusals,
    )
    app: ASGIApp = mcp_app(mcp, **options)
    gate = LocalTokenGate(wrap(app) if wrap else app, token=None)
    async with served(gate) as url, result.client:
        result.url = url
        yield result
