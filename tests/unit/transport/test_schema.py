"""Tool schemas are compact, closed and within what the model API takes."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal, Union

import pytest
from pydantic import BaseModel, ConfigDict, Field

from coordination.transport.mcp.schema import input_schema, output_schema


class Colour(Enum):
    RED = "red"


class Inner(BaseModel):
    """What nobody but a reader of the code needs to know."""

    title: str
    colour: Colour | None = None


class Whole(BaseModel):
    """Neither this."""

    model_config = ConfigDict(extra="forbid")

    inner: Inner = Field(description="the inner one")
    more: list[Inner] = []
    size: Annotated[int, Field(ge=1, le=60)] | None = Field(default=None, description="minutes")
    mode: Literal["read", "write"] = "write"
    mixed: str | Inner | None = None


INNER: dict[str, Any] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "colour": {"enum": ["red"], "type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}


def test_an_input_schema_has_everything_in_place_and_nothing_more() -> None:
    assert input_schema(Whole) == {
        "type": "object",
        "properties": {
            "inner": {**INNER, "description": "the inner one"},
            "more": {"type": "array", "items": INNER, "default": []},
            "size": {"type": "integer", "minimum": 1, "maximum": 60, "description": "minutes"},
            "mode": {"type": "string", "enum": ["read", "write"], "default": "write"},
            "mixed": {"anyOf": [{"type": "string"}, INNER]},
        },
        "required": ["inner"],
        "additionalProperties": False,
    }


def test_an_output_schema_requires_nothing_and_has_the_fields_of_an_error() -> None:
    schema = output_schema(Inner)
    assert "required" not in schema
    assert list(schema["properties"]) == ["title", "colour", "code", "message", "next_call"]
    assert schema["additionalProperties"] is False


class Empty(BaseModel):
    model_config = ConfigDict(extra="forbid")


def test_a_tool_without_arguments_has_an_empty_closed_object() -> None:
    assert input_schema(Empty)["properties"] == {}
    assert input_schema(Empty)["additionalProperties"] is False


class Recursive(BaseModel):
    children: list[Recursive] = []


class Clash(BaseModel):
    message: int = 0


class OwnMessage(BaseModel):
    message: str | None = None


class Either(BaseModel):
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["a"]}]})


def test_a_model_that_contains_itself_is_refused() -> None:
    with pytest.raises(TypeError, match="refers to itself"):
        input_schema(Recursive)


def test_an_answer_may_use_an_error_field_only_for_text() -> None:
    with pytest.raises(TypeError, match=r"Clash\.message"):
        output_schema(Clash)
    assert output_schema(OwnMessage)["properties"]["message"] == {"type": "string"}


def test_a_choice_at_the_top_is_refused() -> None:
    with pytest.raises(TypeError, match="one object"):
        input_schema(Either)


Tree = Union["Inner", "Whole"]


class Tagged(BaseModel):
    value: Tree


def test_definitions_used_twice_are_put_in_both_places() -> None:
    schema = input_schema(Tagged)
    assert "$defs" not in schema
    assert "$ref" not in str(schema)
