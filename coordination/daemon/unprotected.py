"""The word in front of a tool's result that no hook of its terminal comes, so that nothing protects its edits.

What is said to a model by hooks cannot be said where hooks are switched off; the tools are what is left. Claude Code
shows its model the structured content where there is one, and no text beside it (2.1.330, 2.1.197). So the word
stands in both, there among the `warnings` that every tool may have. Everything else is as the service answered.
"""

from typing import Any, cast

import orjson

from coordination.daemon import words


def marked(body: bytes) -> bytes:
    """Return the answer to a call of a tool with that word first; what is no result, as it is."""
    try:
        # Any: JSON of the service.
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    result: Any = cast("dict[str, Any]", answer).get("result") if isinstance(answer, dict) else None
    content: Any = cast("dict[str, Any]", result).get("content") if isinstance(result, dict) else None
    if not isinstance(content, list):
        return body
    said = words.no_hooks()
    cast("list[Any]", content).insert(0, {"type": "text", "text": said})
    structured: Any = cast("dict[str, Any]", result).get("structuredContent")
    if isinstance(structured, dict):
        known = cast("dict[str, Any]", structured)
        warnings: list[str] = known.get("warnings") or []
        cast("dict[str, Any]", result)["structuredContent"] = {**known, "warnings": [said, *warnings]}
    return orjson.dumps(answer)
