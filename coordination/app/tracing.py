"""Traces by OpenTelemetry's standard variables: nothing of it exists unless they name a receiver.

`OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` switches them on; `OTEL_SDK_DISABLED=true` and
`OTEL_TRACES_EXPORTER=none` switch them off again. All other standard variables (headers, certificates, service name,
sampling, batches) are read by the SDK itself. Spans leave by OTLP over HTTP in the background, and are dropped when the
receiver does not take them: a call never waits for it.

FastAPI can export by itself (`telemetry=`). It is not used, because it puts the path and the query of a URL into spans,
and here these name people and sessions.
"""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from coordination import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
EXPORTER: Final = "OTEL_TRACES_EXPORTER"
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
DISABLED: Final = "OTEL_SDK_DISABLED"
NAME: Final = "OTEL_SERVICE_NAME"
OTLP: Final = "otlp"
PROTOCOL: Final = "http/protobuf"
SERVICE: Final = "coordination"
FLUSH_SECONDS: Final = 3.0
"""How long the end waits until the last spans have left."""
_log: Final = structlog.stdlib.get_logger(__name__)


def provider(environment: Mapping[str, str] | None = None) -> "TracerProvider | None":
    """Return what makes the spans of one application, None when nobody wants any.

    Args:
        environment: variables to look at instead of the process's own, to say whether anybody does; how the spans
            leave, the SDK reads in those of the process.
    """
    variables = os.environ if environment is None else environment
    if not _is_wanted(variables):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - costs a tenth of a second
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    named = {} if variables.get(NAME) else {"service.name": SERVICE}
    resource = Resource.create({"service.version": __version__, **named})
    made = TracerProvider(resource=resource, shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


async def end(made: "TracerProvider") -> None:
    """Send what spans are left, for some seconds at most, and make no more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS + 1):
            await asyncio.to_thread(made.force_flush, int(FLUSH_SECONDS * 1000))
            await asyncio.to_thread(made.shutdown)


def _is_wanted(variables: Mapping[str, str]) -> bool:
    if variables.get(DISABLED, "").strip().lower() == "true" or not _first(variables, ENDPOINTS):
        return False
    exporter = variables.get(EXPORTER, "").strip().lower() or OTLP
    if exporter == "none":
        return False
    protocol = _first(variables, PROTOCOLS) or PROTOCOL
    if (exporter, protocol) == (OTLP, PROTOCOL):
        return True
    _log.warning("traces_not_exported", exporter=exporter, protocol=protocol, known=f"{OTLP}, {PROTOCOL}")
    return False


def _first(variables: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((found for name in names if (found := variables.get(name, "").strip())), "")
