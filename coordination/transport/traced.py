"""Spans of requests: which route, how it ended, how long it took, and as part of whose trace.

A span says what the metrics say, and no more: templates, codes and names of ours (`transport.observation`). No path, no
query, no header, no address and no credential is in it. A caller that sends `traceparent` (W3C) has it continued.
"""

from typing import Final

from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, use_span
from starlette.types import ASGIApp, Receive, Scope, Send

from coordination.transport.measured import METHODS, route_of
from coordination.transport.observation import Observation, observation_of

SERVER_ERROR: Final = 500
_CARRIED: Final = frozenset({b"traceparent", b"tracestate"})


class Traced:
    """ASGI middleware, behind the one that observes.

    Args:
        app: the application behind.
        tracer: makes the spans.
    """

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        carried = {
            name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _CARRIED
        }
        span = self._tracer.start_span("request", extract(carried), SpanKind.SERVER)
        try:
            # What goes wrong is told by status and code: the text of an exception may hold anything.
            with use_span(span, record_exception=False, set_status_on_exception=False):
                await self._app(scope, receive, send)
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            _describe(span, scope, observation_of(scope))
            span.end()


def _describe(span: Span, scope: Scope, observation: Observation) -> None:
    method: str = scope.get("method", "GET")
    method = method if method in METHODS else "_OTHER"
    route = route_of(scope, observation)
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route})
    if observation.status:
        span.set_attribute("http.response.status_code", observation.status)
    if observation.status >= SERVER_ERROR:
        span.set_status(StatusCode.ERROR)
    known = {
        "coordination.client": observation.client,
        "coordination.refusal": observation.refusal,
        "coordination.tool": observation.tool,
        "coordination.outcome": observation.outcome if observation.tool else "",
    }
    span.set_attributes({name: value for name, value in known.items() if value})
