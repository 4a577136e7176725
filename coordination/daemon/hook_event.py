"""One hook of Claude Code as the daemon understands it: what its JSON says, as values, whatever else stands there.

What a hook's input looks like is documented by Claude Code and was measured with the pinned versions
(docs/reference/plugin.md). Fields that are missing or of another type are empty here: a newer client may leave any of
them out, and none of that may stop an edit or let one through.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

EDIT_TOOLS: Final = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit"})
READ_TOOL: Final = "Read"
_NOTEBOOK_TOOL: Final = "NotebookEdit"
MOST: Final = 32_768
"""Characters of a text that are read: more than a path has that can be opened. What is kept of a hook is bounded so."""
_HALF: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class HookEvent:
    """What happened in a terminal.

    Attributes:
        name: such as `PreToolUse`.
        claude_session: Claude Code's id of the conversation; another one after `/clear`, the same after a resume.
        folder: the working folder.
        source: why a conversation begins: `startup`, `resume`, `clear` or `compact`; of its end the reason.
        tool: the tool's name, "" where there is none.
        tool_use_id: the id of the tool's call.
        path: the file that an edit tool or `Read` is about, as it stands there.
        prompt: what the person typed.
        subagent: Claude Code's id of the subagent, None in the terminal itself.
        subagent_type: what kind of subagent it is.
    """

    name: str
    claude_session: str = ""
    folder: str = ""
    source: str = ""
    tool: str = ""
    tool_use_id: str = ""
    path: str = ""
    prompt: str = ""
    subagent: str | None = None
    subagent_type: str = ""

    @property
    def edits(self) -> bool:
        """Whether a tool is about to write, or wrote, a file."""
        return self.tool in EDIT_TOOLS

    @property
    def reads(self) -> bool:
        """Whether a file is about to be read, or was."""
        return self.tool == READ_TOOL


def read(name: str, body: Mapping[str, Any]) -> HookEvent:
    """Read what the hook `name` was given."""
    given = body.get("tool_input")
    about: Mapping[str, Any] = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    return HookEvent(
        name=name,
        claude_session=_text(body, "session_id"),
        folder=_text(body, "cwd"),
        source=_text(body, "source") or _text(body, "reason"),
        tool=_text(body, "tool_name"),
        tool_use_id=_text(body, "tool_use_id"),
        # Of the other field that a model adds, its tool takes no note.
        path=_text(about, "notebook_path" if _text(body, "tool_name") == _NOTEBOOK_TOOL else "file_path"),
        prompt=_text(body, "prompt"),
        subagent=_text(body, "agent_id") or None,
        subagent_type=_text(body, "agent_type"),
    )


def _text(body: Mapping[str, Any], field: str) -> str:
    found = body.get(field)
    # Half a character is written to the disk, and shown, as what stands for one that is none.
    return _HALF.sub("\ufffd", found[:MOST]) if isinstance(found, str) else ""
