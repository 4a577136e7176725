"""Compact JSON schemas for tools, made from pydantic models.

A tool's schema is paid for in every prompt of every agent, and the model API refuses some of JSON Schema at
the top level. So: definitions are put where they are used, titles and defaults of null go away, an optional
field is simply not required, every object is closed, and nothing at the top is `oneOf`, `anyOf` or `allOf`.
The models stay the ones that validate; this only describes them.
"""

from typing import Any, Final, Literal, cast

from pydantic import BaseModel

_REF: Final = "#/$defs/"
_TOP_LEVEL_REFUSED: Final = ("oneOf", "anyOf", "allOf")
_DROPPED: Final = frozenset({"title", "$defs", "discriminator"})
_NULL: Final = {"type": "null"}

# JSON, whose shape only pydantic knows.
Schema = dict[str, Any]

ERROR_PROPERTIES: Final[Schema] = {
    "code": {"type": "string"},
    "message": {"type": "string"},
    "next_call": {"type": "string"},
}


def input_schema(model: type[BaseModel]) -> Schema:
    """Describe what a tool takes.

    Raises:
        TypeError: the model refers to itself, or is not one closed object.
    """
    schema = _compact(model, "validation")
    schema.setdefault("properties", {})
    return schema


def output_schema(model: type[BaseModel]) -> Schema:
    """Describe what a tool answers: every field optional, and the fields of an error beside them.

    A client validates error answers against the same schema, so nothing can be required.

    Raises:
        TypeError: as `input_schema`, or the model uses the name of an error field for something else than
            text.
    """
    schema = _compact(model, "serialization")
    schema.pop("required", None)
    properties: Schema = schema.setdefault("properties", {})
    for name, described in ERROR_PROPERTIES.items():
        own: Schema = properties.setdefault(name, described)
        if own.get("type") != "string":
            raise TypeError(f"{model.__name__}.{name} must be text: error answers use that field")
    return schema


def _compact(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> Schema:
    raw = model.model_json_schema(mode=mode)
    schema = _inline(raw, raw.get("$defs", {}), ())
    schema.pop("description", None)
    if schema.get("type") != "object" or any(key in schema for key in _TOP_LEVEL_REFUSED):
        raise TypeError(f"the schema of {model.__name__} must be one object")
    return schema


def _inline(node: Schema, definitions: Schema, open_refs: tuple[str, ...]) -> Schema:
    if "$ref" in node:
        return _resolve(node, definitions, open_refs)
    node = _without_null(node)
    if "$ref" in node:
        return _resolve(node, definitions, open_refs)
    compact: Schema = {}
    for key, value in node.items():
        if key in _DROPPED or (key == "default" and value is None):
            continue
        compact[key] = _inline_member(key, value, definitions, open_refs)
    if compact.get("type") == "object" and "properties" in compact:
        compact["additionalProperties"] = False
    return compact


def _inline_member(key: str, value: object, definitions: Schema, open_refs: tuple[str, ...]) -> object:
    if key == "properties":
        members = cast("Schema", value)
        return {name: _inline(member, definitions, open_refs) for name, member in members.items()}
    if key in {"default", "examples", "enum", "const", "required"}:
        return value
    if isinstance(value, dict):
        return _inline(cast("Schema", value), definitions, open_refs)
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [
            _inline(cast("Schema", item), definitions, open_refs) if isinstance(item, dict) else item
            for item in items
        ]
    return value


def _resolve(node: Schema, definitions: Schema, open_refs: tuple[str, ...]) -> Schema:
    name = str(node["$ref"]).removeprefix(_REF)
    if name in open_refs:
        raise TypeError(f"{name} refers to itself; a tool's schema cannot")
    target = dict(definitions[name])
    # The docstring of a model is for its readers; the description of the field that uses it is for the agent.
    target.pop("description", None)
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return _inline({**target, **beside}, definitions, (*open_refs, name))


def _without_null(node: Schema) -> Schema:
    """Turn `anyOf: [X, null]` into X: leaving the field out says the same."""
    branches: list[Schema] | None = node.get("anyOf")
    if branches is None or _NULL not in branches:
        return node
    kept = [branch for branch in branches if branch != _NULL]
    beside = {key: value for key, value in node.items() if key != "anyOf"}
    return {**kept[0], **beside} if len(kept) == 1 else {**beside, "anyOf": kept}
