"""The description of the HTTP API is complete: every operation, parameter and body says what it is, with an example."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from coordination.app.application import create
from coordination.settings import load
from coordination.transport.problem import MEDIA_TYPE
from coordination.transport.rest import example

Json = dict[str, Any]
LIMITS = {
    "string": {"maxLength", "enum", "pattern", "const", "format"},
    "integer": {"maximum"},
    "number": {"maximum"},
    "array": {"maxItems"},
    "boolean": {"type"},
    "null": {"type"},
}
"""What bounds a value, by its type."""
BOUNDED_BY_WHAT_IS_THERE = {"agent_id", "task_id"}
"""Ids in a path: what is not there is not found, however long it is."""


def description() -> Json:
    """The API as it describes itself; nothing is started."""
    # A hosted service has every route that a local one has, and more.
    hosted = {"COORDINATION_MODE": "hosted", "DATABASE_URL": "postgresql://127.0.0.1/name"}
    settings = load({"COORDINATION_DATA_DIR": str(Path(__file__).parent), **hosted})
    found: Json = create(settings).openapi()
    return found


API = description()
OPERATIONS: dict[str, Json] = {
    f"{method.upper()} {path}": operation
    for path, methods in API["paths"].items()
    for method, operation in methods.items()
}


def bodies() -> Iterator[tuple[str, str, Json]]:
    """Every body of the API: where it stands, its media type, and how it is described."""
    for route, operation in OPERATIONS.items():
        parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for name, part in parts.items():
            for kind, media in part.get("content", {}).items():
                yield f"{route} {name}", kind, media


def valid(schema: Json, value: object) -> list[str]:
    """What is wrong with a value, by a schema of the description."""
    validator = jsonschema_rs.validator_for(
        {**schema, "components": API["components"]}, validate_formats=True
    )
    return [error.message for error in validator.iter_errors(value)]


@pytest.mark.parametrize("route", OPERATIONS)
def test_every_operation_says_what_it_does_and_has_a_name_of_its_own(route: str) -> None:
    operation = OPERATIONS[route]
    assert operation["summary"] and not operation["summary"].endswith(".")
    assert operation["description"].endswith(".")
    assert [one["operationId"] for one in OPERATIONS.values()].count(operation["operationId"]) == 1


@pytest.mark.parametrize("route", OPERATIONS)
def test_every_parameter_is_described_and_bounded(route: str) -> None:
    for parameter in OPERATIONS[route].get("parameters", []):
        assert parameter["description"].endswith("."), parameter
        if parameter["name"] not in BOUNDED_BY_WHAT_IS_THERE:
            assert all(is_bounded(kind) for kind in kinds(parameter["schema"])), parameter


@pytest.mark.parametrize("route", OPERATIONS)
def test_every_operation_names_its_answer_and_how_it_refuses(route: str) -> None:
    answers = OPERATIONS[route]["responses"]
    refusals = {status for status in answers if status != "200"}
    assert refusals >= {"400", "401", "403", "421", "422", "500", "503"}
    names_something = "{" in route or route.endswith(("GET /api/v1/events", "/memberships"))
    assert ("404" in refusals) == names_something
    assert ("415" in refusals) == ("requestBody" in OPERATIONS[route])
    for status in refusals:
        [(kind, media)] = answers[status]["content"].items()
        assert (kind, media["schema"]) == (MEDIA_TYPE, {"$ref": "#/components/schemas/Problem"})
        assert media["example"]["status"] == int(status)
    [media] = answers["200"]["content"].values()
    assert "$ref" in media["schema"] or route == "GET /api/v1/events"


def test_every_body_has_an_example_that_its_own_schema_takes() -> None:
    for where, _, media in bodies():
        assert "example" in media, where
        assert valid(media["schema"], media["example"]) == [], where


def test_an_example_says_every_field_that_is_not_left_out() -> None:
    for where, _, media in bodies():
        model = media["schema"].get("$ref", "").rpartition("/")[2]
        if model and model != "Problem" and not where.endswith("request"):
            assert media["example"].keys() == API["components"]["schemas"][model]["properties"].keys(), where


def test_no_example_is_kept_for_what_is_no_body() -> None:
    shown = {
        media["schema"]["$ref"].rpartition("/")[2] for _, _, media in bodies() if "$ref" in media["schema"]
    }
    assert example.BODIES.keys() | example.ANSWERS.keys() == shown - {"Problem"}
    used = {int(status) for one in OPERATIONS.values() for status in one["responses"]}
    assert example.PROBLEMS.keys() == used - {200}


def test_an_example_that_does_not_fit_is_noticed() -> None:
    schema = {"$ref": "#/components/schemas/SessionPage"}
    assert valid(schema, {"sessions": [{"id": "demo"}], "next_cursor": None})
    assert valid(
        {"$ref": "#/components/schemas/Message"},
        {**example.ANSWERS["MessagePage"]["messages"][0], "sent_at": "now"},
    )


def kinds(schema: Json) -> list[Json]:
    """What a value may be, one schema for each."""
    if "$ref" in schema:
        return kinds(API["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return [
        kind
        for part in schema.get("anyOf", [schema])
        for kind in ([part] if "anyOf" not in part and "$ref" not in part else kinds(part))
    ]


def is_bounded(schema: Json) -> bool:
    return not LIMITS[schema["type"]].isdisjoint(schema)
