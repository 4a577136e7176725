"""What hooks are answered with, as Claude Code reads it: nothing, a refusal, or words for the model and the person.

An edit that may go on is never answered with `allow`, which would skip the person's own permission rules: it is
answered with nothing. Shapes: https://docs.claude.com/en/docs/claude-code/hooks, and measured.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

SPOKEN_TO: Final = frozenset(
    {
        *("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure"),
        *("Stop", "SubagentStart", "SubagentStop"),
    }
)
"""Hooks whose words reach the model; of Stop and SubagentStop they keep it going."""
NOTHING: Final = b"{}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hook says.

    Attributes:
        deny: why the tool may not be used; "" lets it be used, as far as we are concerned.
        context: what the model is told; "" for nothing.
        person: what the person is shown; "" for nothing.
    """

    deny: str = ""
    context: str = ""
    person: str = ""

    def written(self, event: str) -> bytes:
        """Return the JSON of an answer to the hook `event`."""
        specific: dict[str, Any] = {}
        if self.deny:
            specific |= {"permissionDecision": "deny", "permissionDecisionReason": self.deny}
        if self.context and event in SPOKEN_TO:
            specific["additionalContext"] = self.context
        whole: dict[str, Any] = {"systemMessage": self.person} if self.person else {}
        if specific:
            whole["hookSpecificOutput"] = {"hookEventName": event, **specific}
        return orjson.dumps(whole) if whole else NOTHING
