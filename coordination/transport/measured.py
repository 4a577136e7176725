"""Measuring requests: how long each took, by the template of its route, and what is counted of it.

The outermost middleware, so that what is refused at the very edge counts too. A request lasts until its answer is
whole; a stream, which may stay for ever, until its first byte. Labels are made of an `Observation`, never of the
request.
"""

import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordination.metrics import Metrics
from coordination.transport.observation import Observation, observe

OTHER: Final = "other"
"""The route of what no route answers, and the method of what is none."""
GONE: Final = "gone"
"""The status of a request whose client went away before its answer."""
SWITCHED: Final = 101
METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
HANDSHAKES: Final = frozenset({"initialize", "server/discover"})


class Measured:
    """ASGI middleware that measures HTTP requests and WebSocket handshakes.

    Args:
        app: the application behind.
        metrics: where it counts.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        observation = observe(scope)
        began = time.perf_counter()
        is_open = True

        async def watched(message: Message) -> None:
            nonlocal is_open
            kind: str = message["type"]
            if kind.endswith("http.response.start"):
                observation.status = message["status"]
            elif is_open and (kind == "websocket.accept" or message.get("more_body", False)):
                observation.status = observation.status or SWITCHED
                is_open = False
                self._measure(scope, observation, began)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            if is_open:
                self._measure(scope, observation, began)

    def _measure(self, scope: Scope, observation: Observation, began: float) -> None:
        metrics = self._metrics
        method = scope.get("method", "GET")
        metrics.requests.labels(
            route_of(scope, observation),
            method if method in METHODS else OTHER,
            observation.status or GONE,
        ).observe(time.perf_counter() - began)
        if observation.refusal:
            metrics.refusals.labels(observation.refusal).inc()
        if observation.tool:
            metrics.tool_calls.labels(observation.tool, observation.outcome).inc()
        elif observation.client is None:
            return
        elif observation.message in HANDSHAKES:
            metrics.connections.labels(observation.client).inc()
        elif observation.message == "tools/list":
            metrics.tool_listings.labels(observation.client).inc()


def route_of(scope: Scope, observation: Observation) -> str:
    """Return the template of the route that answered a request, such as `/api/v1/sessions/{session}`."""
    return observation.route or getattr(scope.get("route"), "path_format", OTHER)
