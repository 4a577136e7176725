"""docs/reference/http.md and hosted.md name every route, parameter and field, and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coordination.app.application import create
from coordination.domain.visibility import PLANNER_TOOLS
from coordination.services import feed
from coordination.settings import load
from coordination.store import event as event_store
from coordination.store.schema_version import known
from coordination.transport import bounds, exchange
from coordination.transport.mcp.identity import PATH as MCP_PATH
from coordination.transport.mcp.protected_resource import METADATA_PATH
from coordination.transport.web_socket_protocol import PATH as WEB_SOCKET_PATH
from tests.unit.docs.page import REFERENCE, fences, headings, links, names, rows, section, spans, text_of

PAGE = text_of(REFERENCE / "http.md")
HOSTED_PAGE = text_of(REFERENCE / "hosted.md")
BESIDE_THE_API = {
    "GET /health",
    "GET /ready",
    "GET /health/detailed",
    "GET /metrics",
    "GET /openapi.json",
    f"GET {WEB_SOCKET_PATH}",
    f"POST {MCP_PATH}",
    f"GET {METADATA_PATH}",
}


def description(**variables: str) -> dict[str, Any]:
    """The API as it describes itself; nothing is started."""
    settings = load({"COORDINATION_DATA_DIR": str(Path(__file__).parent), **variables})
    found: dict[str, Any] = create(settings).openapi()
    return found


API = description(HOST="127.0.0.1")
HOSTED_API = description(COORDINATION_MODE="hosted", DATABASE_URL="postgresql://127.0.0.1/name")
"""All of the above, and what only a hosted service has, which has a page of its own."""


def models(api: dict[str, Any]) -> dict[str, list[str]]:
    """The fields of every model of the API."""
    return {
        name: list(model["properties"])
        for name, model in api["components"]["schemas"].items()
        if "properties" in model
    }


MODELS = models(HOSTED_API)
LOCAL_MODELS = models(API)


def routes(api: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every route of the API with its description, such as `GET /api/v1/sessions`."""
    for path, methods in api["paths"].items():
        for method, route in methods.items():
            yield f"{method.upper()} {path}", route


LOCAL_ROUTES = dict(routes(API))
ROUTES = dict(routes(HOSTED_API))


def page_of(name: str) -> str:
    """The page that speaks of a route or a model."""
    return PAGE if name in LOCAL_ROUTES or name in LOCAL_MODELS else HOSTED_PAGE


def test_every_route_has_its_section_and_nothing_else_has() -> None:
    documented = {title for title in headings(PAGE, 3) if " /" in title}
    assert documented == set(LOCAL_ROUTES) | BESIDE_THE_API
    of_hosted = {title for title in headings(HOSTED_PAGE, 3) if " /" in title}
    assert of_hosted == set(ROUTES) - set(LOCAL_ROUTES)


@pytest.mark.parametrize("route", ROUTES)
def test_every_parameter_of_a_route_has_its_row_and_nothing_else_has(route: str) -> None:
    parameters = [found["name"] for found in ROUTES[route].get("parameters", []) if found["in"] == "query"]
    assert names(section(page_of(route), route)) == parameters


@pytest.mark.parametrize("route", ROUTES)
def test_the_limits_and_defaults_of_numbers_are_those_that_the_description_has(route: str) -> None:
    expected = {
        found["name"]: limits(found["schema"])
        for found in ROUTES[route].get("parameters", [])
        if found["in"] == "query" and found["schema"].get("type") in {"integer", "number"}
    }
    said = {spans(row[0])[0]: row[1] for row in rows(section(page_of(route), route))}
    assert {name: said[name] for name in expected} == expected


@pytest.mark.parametrize("route", ROUTES)
def test_every_part_of_a_path_is_named_in_the_text(route: str) -> None:
    parts = [found["name"] for found in ROUTES[route].get("parameters", []) if found["in"] == "path"]
    told = section(PAGE, "The API").partition("### ")[0] + section(page_of(route), route)
    assert [part for part in parts if f"`{{{part}}}`" not in told] == []


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_leads_to_what_it_takes_and_answers(route: str) -> None:
    body = ROUTES[route].get("requestBody")
    answer = ROUTES[route]["responses"]["200"]
    expected = [_model(part) for part in (body, answer) if part is not None]
    assert [link for link in links(section(page_of(route), route)) if link.startswith("#")] == [
        f"#{name.lower()}" for name in expected
    ]


@pytest.mark.parametrize("model", MODELS)
def test_every_field_of_a_model_has_its_row_and_nothing_else_has(model: str) -> None:
    assert names(section(page_of(model), model)) == MODELS[model]


def test_every_model_has_its_section_and_nothing_else_has() -> None:
    documented = [title for title in headings(PAGE, 3) if " /" not in title]
    assert sorted(documented) == sorted(LOCAL_MODELS)
    of_hosted = [title for title in headings(HOSTED_PAGE, 3) if " /" not in title]
    assert sorted(of_hosted) == sorted(MODELS.keys() - LOCAL_MODELS.keys())


def test_the_page_says_the_limits_that_the_service_has() -> None:
    """Tests of the limits themselves set lower ones; so it is here that those shipped are looked at."""
    kib, mib = 1024, 1024 * 1024
    said = (
        f"A body may have {exchange.BODY_MAX // mib} MiB, URL and headers {bounds.HEAD_MAX // kib} KiB; each must"
        f" arrive within {bounds.HEAD_SECONDS:g} seconds. A service has at most {bounds.MOST_CONNECTIONS} connections,"
        f" and {feed.MOST_READERS} calls that wait."
    )
    assert said in " ".join(section(PAGE, f"POST {MCP_PATH}").split())
    assert exchange.BODY_SECONDS == bounds.HEAD_SECONDS  # "each"
    large = f"Large events come in fewer, of about {event_store.PAGE_BYTES / 1e6:g} MB together."
    assert large in section(PAGE, "GET /api/v1/sessions/{session}/events")
    large = f"Large tasks come in fewer, of about {event_store.PAGE_BYTES / 1e6:g} MB together."
    assert large in section(PAGE, "GET /api/v1/sessions/{session}/tasks")


def limits(schema: dict[str, Any]) -> str:
    """How the page says the limits and the default of a number; a bound that no page reaches is none."""
    bounded = schema["maximum"] < 2**31 - 1
    span = f"{schema['minimum']:,} to {schema['maximum']:,}" if bounded else "number"
    return f"{span}, default {schema['default']:,}"


def _model(part: dict[str, Any]) -> str:
    if "text/event-stream" in part["content"]:
        return "Event"
    reference: str = part["content"]["application/json"]["schema"]["$ref"]
    return reference.rpartition("/")[2]


def test_the_health_that_is_shown_is_that_of_this_release() -> None:
    (shown,) = [
        json.loads(fence.text)
        for fence in fences(PAGE)
        if '"coordination_tools"' in fence.text and fence.language == "json"
    ]
    assert shown["migrations"] == {"state": "current", "revision": known()[-1], "newest_known": known()[-1]}
    assert shown["coordination_tools"] == list(PLANNER_TOOLS)
    assert shown["counts"]["coordination_tools"] == len(PLANNER_TOOLS)
