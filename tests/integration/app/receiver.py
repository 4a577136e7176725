"""A receiver of traces on loopback, as a collector is one: it takes OTLP over HTTP and keeps what came."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span
from starlette.types import Receive, Scope, Send

from tests.integration.transport.endpoint import served


def attributes(pairs: list[KeyValue]) -> dict[str, str | int]:
    """Attributes as a dictionary."""
    return {
        pair.key: pair.value.string_value if pair.value.HasField("string_value") else pair.value.int_value
        for pair in pairs
    }


@dataclass
class Receiver:
    """What came."""

    url: str = ""
    paths: list[str] = field(default_factory=list[str])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    bodies: list[bytes] = field(default_factory=list[bytes])
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def resources(self) -> list[dict[str, str | int]]:
        """What sent it."""
        return [attributes(list(sent.resource.attributes)) for sent in self._sent()]

    @property
    def spans(self) -> list[Span]:
        """Every span that came."""
        return [span for sent in self._sent() for scope in sent.scope_spans for span in scope.spans]

    def requests(self) -> dict[str, dict[str, str | int]]:
        """The attributes of the spans of requests, by their names."""
        return {
            span.name: attributes(list(span.attributes))
            for span in self.spans
            if span.kind == Span.SPAN_KIND_SERVER
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.paths.append(scope["path"])
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        self.bodies.append(body)
        self.came.set()
        headers = [(b"content-type", b"application/x-protobuf")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ExportTraceServiceResponse().SerializeToString()})

    def _sent(self) -> list[ResourceSpans]:
        return [
            sent for body in self.bodies for sent in ExportTraceServiceRequest.FromString(body).resource_spans
        ]


@contextlib.asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """Serve a receiver."""
    receiver = Receiver()
    async with served(receiver, lifespan="off") as url:
        receiver.url = url
        yield receiver
