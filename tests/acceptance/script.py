"""What a scripted model says, as values: the steps of a conversation, carried inside the prompt itself.

A test writes steps, `prompt` hides them in the text that the terminal sends, and `next_reply` finds out from
the messages of one request which step is due. So the stand-in for the model (`model_api.py`) keeps no state
about conversations and any number of terminals share it. This module neither serves nor waits; a step only
names what has to be waited for.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

LAST_RESULT = "{{last result}}"
"""Wherever a string of a step says this, the text of the latest tool result takes its place."""

_FOUND = ("{{found: ", "}}")

FINISHED = "The script is over."
"""What the model says once every step was played."""

_MARKED = re.compile(r"\[\[steps:([A-Za-z0-9+/=]+)\]\]")
_NUMBERED = re.compile(r"toolu_(\d{4})_")

Json = dict[str, Any]


@dataclass(frozen=True)
class Say:
    """The model answers with text, which ends its turn.

    Attributes:
        text: what it says.
        name: under which the test can see that this step was reached.
        after: the gate that must be opened first, or None.
    """

    text: str
    name: str = ""
    after: str | None = None


@dataclass(frozen=True)
class Call:
    """The model calls one tool: `tool` is its full name, `arguments` its input; the rest as in `Say`."""

    tool: str
    arguments: Json
    name: str = ""
    after: str | None = None


@dataclass(frozen=True)
class Calls:
    """The model calls several tools in one message; the terminal may run them at the same time."""

    calls: tuple[Call, ...]
    name: str = ""
    after: str | None = None


@dataclass(frozen=True)
class If:
    """The model looks at the latest tool result: `then` where `pattern` is found in it, else `otherwise`."""

    pattern: str
    then: Step
    otherwise: Step


Step = Say | Call | Calls | If


@dataclass(frozen=True)
class Reply:
    """One step, due now, with every placeholder filled in.

    Attributes:
        blocks: content blocks of an assistant message, in the form of the Messages API.
        name: of the step.
        after: the gate to wait for.
    """

    blocks: tuple[Json, ...]
    name: str = ""
    after: str | None = None

    @property
    def stop_reason(self) -> str:
        """`tool_use` when the terminal has something to run, else `end_turn`."""
        return "tool_use" if any(block["type"] == "tool_use" for block in self.blocks) else "end_turn"


def found(pattern: str) -> str:
    """Return what stands for the first group of `pattern` in the text of the latest tool result.

    It takes the place of a whole string of a step: this is how a scripted model does what an answer tells it.
    """
    return pattern.join(_FOUND)


def prompt(task: str, steps: Sequence[Step]) -> str:
    """Return the prompt that reads as `task` and makes the scripted model play `steps`."""
    encoded = base64.b64encode(json.dumps([_to_json(step) for step in steps]).encode()).decode()
    return f"{task} [[steps:{encoded}]]"


def next_reply(messages: Sequence[Json]) -> Reply | None:
    """Return what the model says to `messages`, or None where no script is among them.

    The newest user text with steps in it counts. Which step is due follows from the numbers in the ids of
    the tool calls that came after it, so it does not matter how the terminal merges or splits messages.
    """
    found = _find_steps(messages)
    if found is None:
        return None
    steps, later = found
    number = 1 + max((step_number(block["id"]) for block in _blocks(later, "tool_use")), default=-1)
    if number >= len(steps):
        return Reply(({"type": "text", "text": FINISHED},), name="finished")
    last_result = _last_result(later)
    return _reply(_choose(steps[number], last_result), number, last_result)


def result_text(block: Json) -> str:
    """Return the text of a `tool_result` block."""
    content = block.get("content")
    if isinstance(content, str):
        return content
    parts = cast("list[Json]", content or [])
    return "\n".join(str(part.get("text", "")) for part in parts)


def step_number(tool_use_id: str) -> int:
    """Return the number of the step that made this tool call, -1 for a call that no step made."""
    match = _NUMBERED.match(tool_use_id)
    return int(match.group(1)) if match else -1


def _to_json(step: Step) -> Json:
    match step:
        case If():
            return {"if": step.pattern, "then": _to_json(step.then), "otherwise": _to_json(step.otherwise)}
        case Say():
            content: Json = {"text": step.text}
        case Call():
            content = {"calls": [[step.tool, step.arguments]]}
        case Calls():
            content = {"calls": [[call.tool, call.arguments] for call in step.calls]}
    return content | {"name": step.name, "after": step.after}


def _find_steps(messages: Sequence[Json]) -> tuple[list[Json], Sequence[Json]] | None:
    for index in range(len(messages) - 1, -1, -1):
        if messages[index]["role"] != "user":
            continue
        marked = [
            match for block in _blocks([messages[index]], "text") for match in _MARKED.finditer(block["text"])
        ]
        if marked:
            return json.loads(base64.b64decode(marked[-1].group(1))), messages[index:]
    return None


def _blocks(messages: Sequence[Json], kind: str) -> Iterator[Json]:
    for message in messages:
        content = message["content"]
        blocks: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        yield from (block for block in blocks if block.get("type") == kind)


def _last_result(messages: Sequence[Json]) -> str:
    for message in reversed(messages):
        results = [result_text(block) for block in _blocks([message], "tool_result")]
        if results:
            return "\n".join(results)
    return ""


def _choose(step: Json, last_result: str) -> Json:
    while "if" in step:
        step = step["then"] if re.search(step["if"], last_result, re.DOTALL) else step["otherwise"]
    return step


def _reply(step: Json, number: int, last_result: str) -> Reply:
    blocks: list[Json] = []
    if "text" in step:
        blocks.append({"type": "text", "text": _fill(step["text"], last_result)})
    for tool, arguments in step.get("calls", ()):
        identifier = f"toolu_{number:04}_{uuid.uuid4().hex[:12]}"
        filled = _fill(arguments, last_result)
        blocks.append({"type": "tool_use", "id": identifier, "name": tool, "input": filled})
    return Reply(tuple(blocks), step["name"], step["after"])


def _fill(value: Any, last_result: str) -> Any:
    if isinstance(value, str):
        before, after = _FOUND
        if value.startswith(before) and value.endswith(after):
            match = re.search(value.removeprefix(before).removesuffix(after), last_result)
            return match.group(1) if match else value
        return value.replace(LAST_RESULT, last_result)
    if isinstance(value, list):
        return [_fill(item, last_result) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _fill(item, last_result) for key, item in cast("dict[str, Any]", value).items()}
    return value
