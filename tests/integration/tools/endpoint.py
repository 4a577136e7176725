"""The real tools behind the real MCP application, called as a Claude Code terminal calls them, without a socket."""

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastmcp.server.http import StarletteWithLifespan
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from starlette.types import ASGIApp

from coordination.services.core import Core
from coordination.services.planner import read_role
from coordination.store.database import Database
from coordination.transport.auth import LocalTokenGate
from coordination.transport.mcp.prompts import build_prompts
from coordination.transport.mcp.resources import build_resources
from coordination.transport.mcp.roles import RoleReader
from coordination.transport.mcp.server import build_mcp, mcp_app
from coordination.transport.mcp.tools import INSTRUCTIONS, PLANNER_INSTRUCTIONS, build_tools
from coordination.transport.mcp.visibility import Refusals

TABLES = (
    *("claude_code_sessions", "claude_code_agents", "file_locks", "task_progress"),
    *("tasks", "file_lock_waiters", "coordination_events", "file_indexes", "indexed_files"),
    *("plan_analyses", "plans"),
)
HERE = "/home/alice/project"


@dataclass(frozen=True)
class Answer:
    """What a tool answered: whether it was an error, its structured content, its text, and its size in bytes."""

    is_error: bool
    content: dict[str, Any]
    text: str
    size: int


@dataclass
class Endpoint:
    """The MCP application that is being called."""

    core: Core
    app: ASGIApp
    client: httpx.AsyncClient
    answers: dict[str, Validator] = field(default_factory=dict[str, Validator])

    async def post(
        self, agent: str, body: bytes, session: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Post one request as an agent of a session."""
        path = f"/mcp/v2/claude/{agent if '__' in agent else f'alice__session__{session}__{agent}'}"
        sent = {"x-client-name": "claude code", "content-type": "application/json", **(headers or {})}
        return await self.client.post(path, content=body, headers=sent)

    async def ask(
        self, agent: str, method: str, params: Any, session: str = "demo", **headers: str
    ) -> dict[str, Any]:
        """Ask one thing that must be answered with a result."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        response = await self.post(agent, _json(message), session, headers)
        assert response.status_code == 200, response.text
        return response.json()["result"]

    async def tools(self, agent: str) -> list[dict[str, Any]]:
        """List the tools that an agent sees."""
        return (await self.ask(agent, "tools/list", {}))["tools"]

    async def call(
        self,
        agent: str,
        tool: str,
        arguments: dict[str, Any] | None = None,
        *,
        session: str = "demo",
        **headers: str,
    ) -> Answer:
        """Call a tool; whatever it answers fits its output schema and is said in words too."""
        params: dict[str, Any] = {"name": tool, "arguments": arguments or {}}
        result = await self.ask(agent, "tools/call", params, session, **headers)
        answer = Answer(
            is_error=result["isError"],
            content=result["structuredContent"],
            text="\n".join(part["text"] for part in result["content"]),
            size=len(json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode()),
        )
        self.answers[tool].validate(answer.content)
        assert answer.text
        if answer.is_error:
            assert answer.content["code"] != "internal", answer
            assert answer.content["message"] in answer.text
        return answer

    async def claim(self, agent: str, *paths: str, **arguments: Any) -> Answer:
        """Claim files."""
        return await self.call(agent, "claim_file_lock", {"file_paths": list(paths), **arguments})

    async def sync(self, agent: str, **arguments: Any) -> Answer:
        """Sync progress."""
        return await self.call(agent, "sync_progress", arguments)

    async def status(self, agent: str, **arguments: Any) -> Answer:
        """Check who is here."""
        return await self.call(agent, "check_agent_status", arguments)


async def written(database: Database) -> dict[str, int]:
    """Count the rows of every table."""
    counts = ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in TABLES)  # noqa: S608 - constants above
    return dict((await database.fetch(f"SELECT {counts}"))[0])


@contextlib.asynccontextmanager
async def endpoint(
    core: Core, *, presence: bool, role: RoleReader | None = None, coord: str = "coord"
) -> AsyncGenerator[Endpoint]:
    """Put the tools behind the application; without `presence` a call that is refused writes nothing at all."""
    tools = build_tools(core, coord)
    mcp = build_mcp(
        tools,
        instructions=INSTRUCTIONS,
        planner_instructions=PLANNER_INSTRUCTIONS,
        prompts=build_prompts(),
        resources=build_resources(core),
        version="1.2.3",
        on_listed=core.presence.listed if presence else _nobody,
        on_called=core.presence.called if presence else _nobody,
        refusals=Refusals(),
        role=role or functools.partial(read_role, core),
    )
    app = mcp_app(mcp)
    gated = LocalTokenGate(app, token=None)
    async with (
        living(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(gated),
            base_url="http://127.0.0.1",
            timeout=60,
        ) as client,
    ):
        yield Endpoint(
            core, gated, client, {tool.name: _validator(_json(tool.output_schema)) for tool in tools}
        )


@contextlib.asynccontextmanager
async def living(app: StarletteWithLifespan) -> AsyncGenerator[None]:
    """Run an application's lifespan in a task of its own: one that is begun in one task may not end in another."""
    ready, done = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan(app):
            ready.set()
            await done.wait()

    running = asyncio.create_task(live())
    await ready.wait()
    try:
        yield
    finally:
        done.set()
        await running


@functools.cache
def _validator(schema: bytes) -> Validator:
    """What judges answers by a schema, which is itself judged but once: that takes ten times as long as a call."""
    loaded = json.loads(schema)
    Draft202012Validator.check_schema(loaded)
    return Draft202012Validator(loaded)


def _nobody(_identity: object) -> None:
    return None


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
