"""The application: every part is made here, and put together. It knows all of them and does none of their work.

From the outside in: the guard (Host, Origin, proxies), the gate (whose a request is), then the health routes, the HTTP
API and the MCP endpoint, which answers whatever else is asked. The life of the application is that of its parts: first
the database and its schema, then the background work, then the endpoint; at the end in the other direction.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Final

from fastapi import FastAPI
from fastmcp.server.http import StarletteWithLifespan
from starlette.types import ASGIApp, Receive, Scope, Send

from coordination import __version__
from coordination.app import edge, gate
from coordination.app.command_line import coord_on
from coordination.app.condition import Observer
from coordination.app.errors import add_error_answers
from coordination.app.observing import Observing
from coordination.app.schema import Schema
from coordination.app.visitor import VISITOR_SESSION
from coordination.domain import database_url
from coordination.domain.identity import Identity
from coordination.domain.retention import Retention
from coordination.embedded import EmbeddedPostgres
from coordination.services.core import Core
from coordination.services.planner import read_role
from coordination.settings import Settings
from coordination.transport.exchange import ExchangeMiddleware
from coordination.transport.mcp.identity import PATH as MCP_PATH
from coordination.transport.mcp.identity import route_path
from coordination.transport.mcp.prompts import build_prompts
from coordination.transport.mcp.resources import build_resources
from coordination.transport.mcp.server import build_mcp, mcp_app
from coordination.transport.mcp.subscriptions import SubscriptionMiddleware
from coordination.transport.mcp.tools import INSTRUCTIONS, PLANNER_INSTRUCTIONS, build_tools
from coordination.transport.mcp.visibility import Refusals, Report
from coordination.transport.rest.description import DescribedApplication
from coordination.transport.rest.router import hosted_router
from coordination.transport.rest.router import router as rest_router
from coordination.transport.rest.web_socket import router as web_socket_router
from coordination.transport.standing import Standing
from coordination.transport.web.health import health_router

_MCP_PREFIX: Final = MCP_PATH.partition("{")[0]
DESCRIPTION: Final = (
    "File locks, progress and status for several Claude Code agents that work on one codebase."
)


class McpBesideRoutes:
    """ASGI middleware: leads to the MCP endpoint without asking the routes; every other request gets an exchange.

    The endpoint brings an exchange of its own, and its calls are the many: matching routes cost them a twentieth.

    Args:
        app: the application behind, with its routes.
        mcp: the MCP endpoint.
    """

    def __init__(self, app: ASGIApp, *, mcp: ASGIApp) -> None:
        self._mcp = mcp
        self._routes = ExchangeMiddleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        to_mcp = scope["type"] == "http" and route_path(scope).startswith(_MCP_PREFIX)
        await (self._mcp if to_mcp else self._routes)(scope, receive, send)


class UnderPrefix:
    """ASGI middleware: serves the same under a URL prefix, whether the proxy that adds it strips it again or not.

    Args:
        app: the application behind.
        prefix: the prefix without a slash at its end; "" for none.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if (
            self._prefix
            and scope["type"] != "lifespan"
            and f"{scope['path']}/".startswith(f"{self._prefix}/")
        ):
            scope["root_path"] = self._prefix
        await self._app(scope, receive, send)


def create(settings: Settings, *, postgres: EmbeddedPostgres | None = None) -> FastAPI:
    """Put the application together; nothing runs and nothing is connected before its lifespan.

    Args:
        settings: what it was told.
        postgres: the embedded Postgres when somebody has made one already; without it and without a database
            of one's own, one is made. The application starts it, keeps it alive and stops it.

    Returns:
        The application; `app.state.core` is its `Core` and `app.state.schema` its `Schema`.

    Raises:
        OSError: the local token is needed and cannot be kept in the data folder.
    """
    if settings.dsn is not None:
        postgres, dsn = None, settings.dsn
    else:
        postgres = postgres or EmbeddedPostgres(settings.data_dir)
        dsn = postgres.dsn
    observing = Observing()
    core = Core(
        dsn,
        pool_size=settings.pool_size,
        transaction_pooler=settings.transaction_pooler,
        realtime=settings.realtime == "on",
        retention=Retention(settings.keep_events_days, settings.keep_closed_days),
        metrics=observing.metrics,
        observe=observing.statement,
    )
    schema = Schema(core.database)
    refusals = Refusals()
    tools = build_tools(core, coord_on(settings))
    endpoint = mcp_app(
        build_mcp(
            tools,
            instructions=INSTRUCTIONS,
            planner_instructions=PLANNER_INSTRUCTIONS,
            version=__version__,
            on_listed=_but_visitors(core.presence.listed),
            on_called=core.presence.called,
            refusals=refusals,
            role=partial(read_role, core),
            prompts=build_prompts(),
            resources=build_resources(core),
            further=[SubscriptionMiddleware(core)],
        ),
    )
    observer = Observer(
        core,
        schema,
        tools=[tool.name for tool in tools],
        refusals=refusals,
        database=_described(settings),
    )

    standing = Standing(core.authentication)
    people, resource = gate.people_of(settings), gate.protected_resource(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with (
            observing.running(core),
            _life(core, schema, postgres, endpoint, app),
            _beside(asyncio.create_task(standing.watch())),
            gate.closing(people),
        ):
            yield

    app = DescribedApplication(
        title="coordination",
        summary=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # see `tracing`, which says why
        # Their pages load scripts from foreign hosts; /openapi.json stays.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.core, app.state.schema, app.state.metrics = core, schema, observing.metrics
    routers = [
        health_router(observer.started, observer.look),
        *observing.routers(settings, core),
        rest_router(core),
        web_socket_router(core),
    ]
    if settings.is_hosted:
        routers.append(hosted_router(core, gate.login_ways(settings)))
    if resource is not None:
        routers.append(resource.router())
    for one in routers:
        app.include_router(one)
    # As what answers when no route does, and not as a mount at "/": that would also take the place of the 405s.
    app.router.default = endpoint
    add_error_answers(app, [*app.routes, *(route for one in routers for route in one.routes)])
    app.add_middleware(McpBesideRoutes, mcp=endpoint)
    gate.put_around(app, settings, core, standing, people)
    app.add_middleware(UnderPrefix, prefix=settings.root_path)
    edge.put_around(app, settings)
    observing.put_around(app)  # the last one added is the outermost
    return app


def _described(settings: Settings) -> dict[str, str]:
    if settings.dsn is None:
        return {"kind": "embedded"}
    return {
        "kind": "own",
        "pooler_mode": settings.pooler_mode,
        "tls": database_url.read(settings.dsn).tls_mode,
    }


def _but_visitors(listed: Report) -> Report:
    def report(identity: Identity) -> None:
        if identity.session != VISITOR_SESSION:
            listed(identity)

    return report


@asynccontextmanager
async def _life(
    core: Core,
    schema: Schema,
    postgres: EmbeddedPostgres | None,
    endpoint: StarletteWithLifespan,
    app: FastAPI,
) -> AsyncGenerator[None]:
    async with AsyncExitStack() as stack:
        if postgres is not None:
            postgres.start()
            stack.callback(postgres.stop)
            await stack.enter_async_context(_beside(asyncio.create_task(postgres.keep_alive())))
        # Once before the first request is taken, so that an ordinary start is ready when it answers at all.
        if not await schema.bring_up():
            await stack.enter_async_context(_beside(asyncio.create_task(schema.keep_trying())))
        await stack.enter_async_context(core.running())
        await stack.enter_async_context(endpoint.lifespan(app))
        yield


@asynccontextmanager
async def _beside(task: asyncio.Task[None]) -> AsyncGenerator[None]:
    """Let a task run beside the block, and end it after."""
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
