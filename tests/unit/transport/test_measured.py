"""Requests are measured by templates and codes: nothing of a request itself becomes a label."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
from starlette.types import Receive, Scope, Send

from coordination.metrics import Metrics
from coordination.transport.guard import Guard
from coordination.transport.measured import Measured
from coordination.transport.observation import observation_of
from coordination.transport.problem import problem
from tests.unit.transport.asgi import Inner, run, scope_of

Labels = tuple[str, str, str]


def requests(metrics: Metrics) -> dict[Labels, int]:
    """How many requests were measured under which route, method and status."""
    (family,) = metrics.requests.collect()
    return {
        (sample.labels["route"], sample.labels["method"], sample.labels["status"]): int(sample.value)
        for sample in family.samples
        if sample.name.endswith("_count")
    }


def routed(template: str) -> Inner:
    """An application whose router has found a route."""

    async def body(scope: Scope, _receive: Receive) -> bytes:
        scope["route"] = SimpleNamespace(path_format=template)
        return b""

    return Inner(body)


async def test_a_request_is_measured_by_the_template_of_its_route() -> None:
    metrics = Metrics()
    app = Measured(routed("/sessions/{session}"), metrics=metrics)
    for session in ("one", "two"):
        await run(app, scope_of("http", f"/sessions/{session}", method="GET"))
    assert requests(metrics) == {("/sessions/{session}", "GET", "200"): 2}


async def test_what_no_route_answers_and_what_is_no_method_is_other() -> None:
    metrics = Metrics()
    app = Measured(Inner(), metrics=metrics)
    for number in range(3):
        await run(app, scope_of("http", f"/{number}", method=f"X{number}"))
    assert requests(metrics) == {("other", "other", "200"): 3}


async def test_a_refusal_is_counted_by_its_code_also_at_the_edge() -> None:
    metrics = Metrics()
    app = Measured(Guard(Inner()), metrics=metrics)
    await run(app, scope_of("http", "/", [("host", "evil.example")], method="GET"))
    await run(
        app,
        scope_of("websocket", "/ws", [("host", "evil.example")], extensions={"websocket.http.response": {}}),
    )
    assert metrics.registry.get_sample_value("coordination_refusals_total", {"reason": "foreign_host"}) == 2


async def test_who_goes_away_before_the_answer_is_gone() -> None:
    async def silent(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    metrics = Metrics()
    await run(Measured(silent, metrics=metrics), scope_of("http", method="GET"))
    assert requests(metrics) == {("other", "GET", "gone"): 1}


async def test_a_failure_is_measured_and_goes_on() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await problem(500, "internal", "…")(scope, receive, send)
        raise RuntimeError

    metrics = Metrics()
    with pytest.raises(RuntimeError):
        await run(Measured(broken, metrics=metrics), scope_of("http", method="GET"))
    assert requests(metrics) == {("other", "GET", "500"): 1}


async def _begin_stream(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})


async def _accept(send: Send) -> None:
    await send({"type": "websocket.accept"})


@pytest.mark.parametrize(
    ("kind", "begin", "status"), [("http", _begin_stream, "200"), ("websocket", _accept, "101")]
)
async def test_what_may_stay_for_ever_is_measured_once_when_it_begins(
    kind: str, begin: Callable[[Send], Awaitable[None]], status: str
) -> None:
    metrics, leave, begun = Metrics(), asyncio.Event(), asyncio.Event()

    async def stay(_scope: Scope, _receive: Receive, send: Send) -> None:
        await begin(send)
        begun.set()
        await leave.wait()

    staying = asyncio.create_task(run(Measured(stay, metrics=metrics), scope_of(kind, method="GET")))
    await begun.wait()
    assert requests(metrics) == {("other", "GET", status): 1}
    leave.set()
    await staying
    assert requests(metrics) == {("other", "GET", status): 1}


async def test_two_applications_in_one_process_count_apart() -> None:
    one, two = Metrics(), Metrics()
    await run(Measured(Inner(), metrics=one), scope_of("http", method="GET"))
    assert requests(one)
    assert requests(two) == {}


async def test_what_nobody_observes_can_be_noted_all_the_same() -> None:
    scope = scope_of("http")
    observation_of(scope).route = "/x"
    assert observation_of(scope).route == "/x"
