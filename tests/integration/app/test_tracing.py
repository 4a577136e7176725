"""Traces leave when the standard variables name a receiver, and say nothing of anybody."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from coordination import __version__
from coordination.app import tracing
from coordination.transport.mcp.identity import PATH as MCP_PATH
from coordination.transport.mcp.visibility import Refusals
from tests.integration.app.conftest import Serve
from tests.integration.app.receiver import Receiver, receiving
from tests.integration.transport.endpoint import CLAUDE_CODE, Endpoint

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
ON = {ENDPOINT: "http://127.0.0.1:4318"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of whoever runs the tests counts."""
    for name in (*tracing.ENDPOINTS, *tracing.PROTOCOLS, tracing.EXPORTER, tracing.DISABLED, tracing.NAME):
        monkeypatch.delenv(name, raising=False)


async def trace(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, dsn: str, receiver: Receiver, **variables: str
) -> None:
    """Serve some requests with traces on, to the end, after which all spans have left."""
    for name, value in {ENDPOINT: receiver.url, **variables}.items():
        monkeypatch.setenv(name, value)
    async with serve(dsn) as client:
        mcp = Endpoint(str(client.base_url).rstrip("/"), Refusals(), client=client)
        secret = {"authorization": "Bearer coord_very-secret", "cookie": "also=secret"}
        stranger = "/mcp/v2/claude/mallory__session__treasure__ghost"
        headers = tuple({**CLAUDE_CODE, **secret}.items())
        await mcp.call(stranger, "claim_file_lock", {"file_paths": ["island.py"]}, headers)
        await mcp.call(stranger, "claim_file_lock", {"file_paths": []}, headers)
        await client.get(
            "/api/v1/sessions/treasure/locks?limit=7",
            headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"},
        )
        await client.get("/api/v1/sessions/nowhere")


async def test_requests_and_their_statements_become_spans(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, clean_dsn: str
) -> None:
    async with receiving() as receiver:
        await trace(monkeypatch, serve, clean_dsn, receiver)
        spans = receiver.requests()
    assert set(receiver.paths) == {"/v1/traces"}
    assert spans[f"POST {MCP_PATH}"]["http.response.status_code"] == 200
    assert spans["GET /api/v1/sessions/{session}"] == {
        "http.request.method": "GET",
        "http.route": "/api/v1/sessions/{session}",
        "http.response.status_code": 404,
        "coordination.refusal": "not_found",
    }
    by_id = {span.span_id: span for span in receiver.spans}
    inner = [span for span in receiver.spans if span.name == "postgresql"]
    assert any(
        by_id[span.parent_span_id].name == f"POST {MCP_PATH}"
        for span in inner
        if span.parent_span_id in by_id
    )
    outcomes = {
        pair.value.string_value
        for span in receiver.spans
        for pair in span.attributes
        if pair.key == "coordination.outcome"
    }
    assert outcomes == {"ok", "invalid_input"}


async def test_no_credential_and_no_name_of_anybody_is_in_what_leaves(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, clean_dsn: str
) -> None:
    async with receiving() as receiver:
        await trace(monkeypatch, serve, clean_dsn, receiver)
    sent = b"".join(receiver.bodies)
    assert b"claim_file_lock" in sent
    told = [
        word
        for word in (
            b"secret",
            b"mallory",
            b"treasure",
            b"ghost",
            b"island",
            b"limit=7",
            b"127.0.0.1",
            b"SELECT",
        )
        if word in sent
    ]
    assert told == []


async def test_the_trace_of_a_caller_is_continued(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, clean_dsn: str
) -> None:
    async with receiving() as receiver:
        await trace(monkeypatch, serve, clean_dsn, receiver)
    (continued,) = [span for span in receiver.spans if span.parent_span_id.hex() == PARENT]
    assert (continued.trace_id.hex(), continued.name) == (TRACE, "GET /api/v1/sessions/{session}/locks")


async def test_the_service_is_named_by_the_standard_variable_or_by_its_own_name(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, clean_dsn: str
) -> None:
    async with receiving() as receiver:
        await trace(monkeypatch, serve, clean_dsn, receiver)
        own = receiver.resources[0]
        receiver.bodies.clear()
        await trace(
            monkeypatch,
            serve,
            clean_dsn,
            receiver,
            OTEL_SERVICE_NAME="coordination-staging",
            OTEL_EXPORTER_OTLP_HEADERS="x-tenant=we",
        )
        named = receiver.resources[0]
    assert (own["service.name"], own["service.version"]) == ("coordination", __version__)
    assert named["service.name"] == "coordination-staging"
    assert receiver.headers[-1]["x-tenant"] == "we"


async def test_a_receiver_that_is_away_costs_the_calls_and_the_end_nothing(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, clean_dsn: str
) -> None:
    async with receiving() as receiver:
        pass
    await trace(monkeypatch, serve, clean_dsn, receiver, OTEL_EXPORTER_OTLP_TIMEOUT="1")
    assert receiver.bodies == []
    assert not [thread.name for thread in threading.enumerate() if "BatchSpan" in thread.name]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {ENDPOINT: " "},
        {**ON, "OTEL_SDK_DISABLED": "True"},
        {**ON, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_a_receiver_or_when_switched_off_there_is_nothing(variables: dict[str, str]) -> None:
    with capture_logs() as logs:
        assert tracing.provider(variables) is None
    assert logs == []


@pytest.mark.parametrize(
    "variables",
    [
        {**ON, "OTEL_TRACES_EXPORTER": "jaeger"},
        {**ON, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {**ON, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
    ],
)
def test_what_is_wanted_and_cannot_be_had_is_told_once(variables: dict[str, str]) -> None:
    with capture_logs() as logs:
        assert tracing.provider(variables) is None
    assert [entry["event"] for entry in logs] == ["traces_not_exported"]


LOADED = """
import sys
from coordination.app.application import create
from coordination.settings import load
create(load({"COORDINATION_DATA_DIR": sys.argv[1]}))
print([name for name in sys.modules if name.startswith(("opentelemetry.exporter", "opentelemetry.sdk"))])
"""


def test_a_service_that_traces_nothing_does_not_load_what_exports(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOADED, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
