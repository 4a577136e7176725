"""docs/reference/tools.md names every tool and field, with its default and limit, and nothing else but resources."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coordination.services.core import Core
from coordination.transport.mcp.server import INSTRUCTIONS_MAX
from coordination.transport.mcp.tool import CoordinationTool
from coordination.transport.mcp.tools import INSTRUCTIONS, PLANNER_INSTRUCTIONS, build_tools
from coordination.wire.text import UntrustedText
from tests.unit.docs.page import REFERENCE, calls, headings, names, pages, rows, section, spans, text_of

PAGE = text_of(REFERENCE / "tools.md")
# Nothing is asked of the database: the tools are only looked at.
TOOLS = {tool.name: tool for tool in build_tools(Core("postgresql://nowhere/none"))}
ERROR_FIELDS = {"code", "message"}
QUOTED = set(UntrustedText.model_fields)


def described(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields of a schema and what is inside them, such as `locks[].path`; a quoted text is one field."""
    for name, field in schema["properties"].items():
        inner, mark = (field["items"], "[]") if field["type"] == "array" else (field, "")
        yield prefix + name, field
        # What may be a sentence or an object has the fields of the object.
        for branch in inner.get("anyOf", [inner]):
            if branch.get("properties") and set(branch["properties"]) != QUOTED:
                yield from described(branch, f"{prefix}{name}{mark}.")


def fields(schema: dict[str, Any]) -> list[str]:
    """The names alone."""
    return [name for name, _ in described(schema)]


def test_the_page_has_a_section_for_each_tool_and_one_for_resources() -> None:
    assert headings(PAGE, 2) == [*TOOLS, "Resources"]


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_the_input_table_names_the_fields_of_the_schema_in_its_order(tool: CoordinationTool[Any]) -> None:
    assert names(section(PAGE, f"Input of {tool.name}")) == fields(tool.parameters)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_the_answer_table_names_the_fields_of_the_schema_in_its_order(tool: CoordinationTool[Any]) -> None:
    assert tool.output_schema is not None
    answered = [field for field in fields(tool.output_schema) if field not in ERROR_FIELDS]
    assert names(section(PAGE, f"Answer of {tool.name}")) == answered


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_the_input_table_shows_defaults_choices_and_limits(tool: CoordinationTool[Any]) -> None:
    for name, kind, default, _ in rows(section(PAGE, f"Input of {tool.name}")):
        field = dict(described(tool.parameters))[name.strip("`")]
        assert spans(default) == (
            [_shown(field["default"])] if field.get("default") not in (None, "") else []
        ), name
        limits = [
            field[key] for key in ("minimum", "maximum", "minItems", "maxItems", "maxLength") if key in field
        ]
        assert all(f"{limit:,}" in kind for limit in limits), name
        choices = field.get("enum") or field.get("pattern", "").strip("^()$").split("|")
        assert spans(kind) == [choice for choice in choices if choice], name


def test_what_the_page_says_of_every_tool_is_said_of_errors_too() -> None:
    intro = PAGE[: PAGE.index("\n## ")]
    assert {*ERROR_FIELDS, "next_call"} <= set(spans(intro))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_tool_call_on_a_page_is_one_that_its_tool_takes(page: Path) -> None:
    for call in calls(text_of(page)):
        TOOLS[call.tool].card.arguments.model_validate_json(json.dumps(call.arguments))


def test_the_tools_page_shows_calls_of_every_tool() -> None:
    assert {call.tool for call in calls(PAGE)} == set(TOOLS)


def test_the_instructions_are_short_and_name_every_tool() -> None:
    told = INSTRUCTIONS + PLANNER_INSTRUCTIONS
    assert len(told) <= INSTRUCTIONS_MAX == 1500
    assert set(TOOLS) == {name for name in TOOLS if name in told}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_each_tool_knows_its_own_fields(tool: CoordinationTool[Any]) -> None:
    assert {*tool.card.subject, *tool.card.details} <= tool.card.arguments.model_fields.keys()


def _shown(default: object) -> str:
    return default if isinstance(default, str) else json.dumps(default)
