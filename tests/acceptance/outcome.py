"""What a terminal did, read from what it printed: its tools, its servers, what its tool calls were answered.

It is as the terminal passed it on, unjudged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.acceptance.script import Json, result_text, step_number


@dataclass(frozen=True)
class Outcome:
    """What a terminal did: exit code (None while it runs), messages of its `stream-json` output, standard error."""

    exit_code: int | None
    messages: tuple[Json, ...]
    errors: str

    @property
    def start(self) -> Json:
        """The first message: `tools`, `mcp_servers`, `model` and the rest."""
        return next(m for m in self.messages if m["type"] == "system" and m.get("subtype") == "init")

    @property
    def servers(self) -> dict[str, str]:
        """The MCP servers by name, each with its status, `connected` when all is well."""
        return {server["name"]: server["status"] for server in self.start["mcp_servers"]}

    @property
    def results(self) -> list[ToolResult]:
        """What the tools answered, in order."""
        return list(self._results())

    def _results(self) -> Iterator[ToolResult]:
        names: dict[str, str] = {}
        for block in self._blocks():
            if block["type"] == "tool_use":
                names[block["id"]] = block["name"]
            elif block["type"] == "tool_result":
                called = block["tool_use_id"]
                failed = bool(block.get("is_error"))
                yield ToolResult(step_number(called), names[called], failed, result_text(block))

    def _blocks(self) -> Iterator[Json]:
        for message in self.messages:
            content = message["message"]["content"] if message["type"] in ("assistant", "user") else ""
            if not isinstance(content, str):
                yield from content


@dataclass(frozen=True)
class ToolResult:
    """One answer of a tool, as the terminal passed it to the model.

    Attributes:
        step: the number of the step that called the tool, from 0.
        tool: its full name.
        is_error: whether the terminal marked it as an error.
        text: all that the model gets to read; of a successful call the structured content, as JSON.
    """

    step: int
    tool: str
    is_error: bool
    text: str

    @property
    def content(self) -> Json:
        """The structured content of a successful call."""
        content: Json = json.loads(self.text)
        return content
