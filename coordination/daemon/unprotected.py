"""The word in front of a tool's result that no hook of its terminal comes, so that nothing protects its edits.

What is said to a model by hooks cannot be said where hooks are switched off; the tools are what is left. The result is
the service's own in everything else: its structured content, its texts, whether it is an error.
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
    cast("list[Any]", content).insert(0, {"type": "text", "text": words.no_hooks()})
    return orjson.dumps(answer)
