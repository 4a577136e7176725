"""What the daemon serves over TCP, on a free port, in front of whatever a test has it speak to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from coordination.daemon import http
from coordination.daemon.conversation import Methods
from coordination.daemon.journal import Journal
from coordination.daemon.mcp_relay import McpRelay, Resolve
from coordination.daemon.service_state import ServiceState
from coordination.daemon.tcp import Port
from coordination.daemon.upstream import Connections, Route
from coordination.daemon.web_socket import DaemonSocket

TOKEN = "daemon-token-of-a-test-0123456789abcdefghij"  # noqa: S105 - opens a daemon that lives for one test
TERMINAL = "4711-1795340688.25"
MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
CLAUDE_CODE = {"user-agent": "claude-code/2.1.330 (cli)"}


@dataclass
class Interface:
    """A daemon's interface that is being served.

    Attributes:
        routes: whose requests are: by terminal and, for a subagent, by the id of its call.
        asked: what was asked of that, in order.
        answer: says it instead of them, where it is set.
        on_asked: called whenever it is asked.
        protected: whether hooks of terminals come.
    """

    url: str = ""
    state: ServiceState = field(default_factory=lambda: ServiceState("reachable"))
    journal: Journal = field(default_factory=lambda: Journal(kept=5))
    routes: dict[tuple[str, str | None], Route] = field(default_factory=dict[tuple[str, str | None], Route])
    asked: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    answer: Resolve | None = None
    on_asked: Callable[[], object] = field(default=lambda: None)
    protected: bool = True
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30, trust_env=False))

    async def resolve(self, terminal: str, tool_use_id: str | None) -> Route | None:
        self.asked.append((terminal, tool_use_id))
        self.on_asked()
        if self.answer is not None:
            return await self.answer(terminal, tool_use_id)
        return self.routes.get((terminal, tool_use_id)) or self.routes.get((terminal, None))

    def lead(
        self,
        url: str,
        session: str,
        agent: str = "impl_a",
        use: str | None = None,
        terminal: str = TERMINAL,
        **more: Any,
    ) -> None:
        """Let a terminal, or one call of it, be an agent's."""
        self.routes[terminal, use] = Route(url, "alice", session, agent, **more)

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        """Post a request as Claude Code in a terminal does."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.client.post(f"{self.url}/mcp", json=body, headers=sent)

    async def call(self, tool: str, arguments: Mapping[str, Any], use: str | None = None) -> dict[str, Any]:
        """Call a tool in the older era, and return the JSON-RPC result."""
        answer = await self.post(call(tool, arguments, use))
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result

    @property
    def headers(self) -> dict[str, str]:
        """What a terminal sends."""
        return {
            **CLAUDE_CODE,
            "authorization": f"Bearer {TOKEN}",
            "x-coordination-terminal": TERMINAL,
            "accept": "application/json, text/event-stream",
        }


def call(tool: str, arguments: Mapping[str, Any], use: str | None = None) -> dict[str, Any]:
    """A call of a tool in the older era."""
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    if use is not None:
        params["_meta"] = {"claudecode/toolUseId": use}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def modern(method: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A request of the newer era, and its headers."""
    meta = {
        f"{META}protocolVersion": MODERN,
        f"{META}clientCapabilities": {},
        f"{META}clientInfo": {"name": "claude-code", "version": "2.1.330"},
    }
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {**params, "_meta": meta}}
    headers = {"mcp_protocol_version": MODERN, "mcp_method": method}
    return body, headers | ({"mcp_name": params["name"]} if "name" in params else {})


def free() -> socket.socket:
    """What listens on a free port of loopback."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    listener.setblocking(False)
    return listener


@contextlib.asynccontextmanager
async def interface(
    methods: Methods | None = None, *, starting_seconds: float = 20, **socket_options: Any
) -> AsyncGenerator[Interface]:
    """Serve a daemon's interface."""
    found = Interface()
    port = Port(free)
    async with Connections() as connections, found.client:
        app = http.app(
            token=TOKEN,
            relay=McpRelay(
                found.resolve,
                found.state,
                connections,
                starting_seconds=starting_seconds,
                is_protected=lambda _: found.protected,
            ),
            socket=DaemonSocket(methods or {}, found.journal, TOKEN, **socket_options),
            service=found.state,
            terminals=lambda: len(found.routes),
            agents=lambda: 2,
        )
        serving = asyncio.create_task(port.serve(app))
        try:
            await port.settled()
            found.url = f"http://127.0.0.1:{port.number}"
            yield found
        finally:
            serving.cancel()
            await asyncio.wait([serving])


class Upstream:
    """Something at the service's place that answers as a test wants."""

    def __init__(
        self, status: int = 200, body: bytes = b"{}", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.requests: list[Scope] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests.append(scope)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        self.bodies.append(body)
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def sent(self, name: str) -> list[str]:
        """The values of a header of the last request."""
        return [value.decode() for found, value in self.requests[-1]["headers"] if found == name.encode()]
