"""The pages of the documentation as tests read them: headings, tables, code spans, fenced blocks, links, tool calls."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`]+)`")
_CALL = re.compile(
    r"\b(?:analyze_task_conflicts|create_task_distribution|claim_file_lock|sync_progress|check_agent_status)\("
)
_ANCHOR_DROPPED = re.compile(r"[^\w\- ]")
_JSON_NAMES = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Fence:
    """One fenced block: its language ("" when it has none) and its text."""

    language: str
    text: str


@dataclass(frozen=True)
class Call:
    """One tool call as a page shows it."""

    tool: str
    arguments: dict[str, Any]


def pages() -> list[Path]:
    """Every page that people read: the documentation, and the papers beside the code."""
    beside = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
    return [*beside, *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]


def text_of(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


def fences(text: str) -> list[Fence]:
    """The fenced blocks of a text, in order."""
    return [Fence(language, block) for language, block in _FENCE.findall(text)]


def prose(text: str) -> str:
    """A text without its fenced blocks."""
    return _FENCE.sub("", text)


def section(text: str, title: str) -> str:
    """What stands below the heading `title`, with the sections inside it.

    Raises:
        LookupError: there is no such heading.
    """
    found = list(_HEADING.finditer(prose(text)))
    for position, heading in enumerate(found):
        if heading[2].strip("`") != title:
            continue
        level = len(heading[1])
        end = next((later for later in found[position + 1 :] if len(later[1]) <= level), None)
        return prose(text)[heading.end() : end.start() if end else None]
    raise LookupError(f"no heading {title}")


def headings(text: str, level: int) -> list[str]:
    """The headings of one level, without code marks."""
    return [title.strip("`") for marks, title in _HEADING.findall(prose(text)) if len(marks) == level]


def rows(text: str) -> list[list[str]]:
    """The rows of all tables of a text, each as its cells, without heads and rules."""
    found: list[list[str]] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        is_head = number + 1 < len(lines) and lines[number + 1].startswith("| ---")
        if line.startswith("| ") and not line.startswith("| ---") and not is_head:
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def names(text: str, column: int = 0) -> list[str]:
    """The code spans in one column of a text's tables, in order."""
    return [name for row in rows(text) for name in spans(row[column])]


def spans(text: str) -> list[str]:
    """The code spans of a text, in order."""
    return _SPAN.findall(text)


def links(text: str) -> list[str]:
    """The targets of a text's links."""
    return _LINK.findall(prose(text))


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings make."""
    titles = [title for _, title in _HEADING.findall(prose(text))]
    return {_ANCHOR_DROPPED.sub("", title.lower()).replace(" ", "-") for title in titles}


def calls(text: str) -> Iterator[Call]:
    """Every complete tool call in a text, such as `sync_progress(task_id="t1", status="started")`.

    A name with empty or elided brackets (`sync_progress(…)`) is no call.
    """
    for match in _CALL.finditer(text):
        source = text[match.start() : _closing(text, match.end()) + 1]
        if "…" not in source:
            yield call_of(source)


def call_of(source: str) -> Call:
    """Read one tool call, with the literals of Python or of JSON.

    Raises:
        ValueError: it is none.
    """
    tree = ast.parse(source, mode="eval").body
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.args:
        raise ValueError(f"no tool call: {source}")
    arguments = {keyword.arg or "": _literal(keyword.value) for keyword in tree.keywords}
    json.dumps(arguments)
    return Call(tree.func.id, arguments)


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return _JSON_NAMES[node.id]
    return ast.literal_eval(node)


def _closing(text: str, start: int) -> int:
    depth, quoted = 1, False
    for position in range(start, len(text)):
        character = text[position]
        quoted ^= character == '"'
        depth += 0 if quoted else {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return position
    raise ValueError(f"a call has no end: {text[start - 30 : start + 60]}")
