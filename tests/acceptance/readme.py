"""The commands of a Markdown page, as a reader would paste them. It reads; it runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CONTINUED = re.compile(r"\s*\\\n\s*")
_COMMENT = re.compile(r"(^|\s+)# .*$")


def commands(page: str) -> list[str]:
    """Return every command of the page's `console` and `sh` blocks, in order, each on one line.

    In a `console` block a command follows `$ `, and what is shown below it is output. In an `sh` block every
    line is a command. Comments are left out.
    """
    return [command for language, block in _BLOCK.findall(page) for command in _commands(language, block)]


def _commands(language: str, block: str) -> Iterator[str]:
    lines = _CONTINUED.sub(" ", block).splitlines()
    if language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    elif language != "sh":
        return
    for line in lines:
        command = _COMMENT.sub("", line).strip()
        if command:
            yield command
