"""What was wrong with input that does not fit a model, in words: the field, the limit, and what came."""

from collections.abc import Sequence
from typing import Any, Final, cast

from coordination.domain.text import shown

PROBLEMS_MAX: Final = 5


def explain(problems: Sequence[Any], whole: str) -> str:
    """Say of each problem that pydantic found, up to five, which field it is and what is wrong.

    Args:
        problems: what pydantic found. The first step of each place says where the field was (body, query), which a
            caller knows.
        whole: what the input is called as a whole, such as `body`.
    """
    told = "; ".join(_explain(cast("dict[str, Any]", found), whole) for found in problems[:PROBLEMS_MAX])
    more = len(problems) - PROBLEMS_MAX
    return f"{told}; and {more} more." if more > 0 else f"{told}."


def _explain(found: dict[str, Any], whole: str) -> str:
    field = shown(".".join(str(step) for step in found["loc"][1:])) or whole
    if found["type"] == "extra_forbidden":
        return f"{field}: there is no such field"
    if found["type"] == "missing":
        return f"{field}: is required"
    if found["type"] == "json_invalid":
        return f"{whole}: is not JSON. Send one JSON object"
    return f"{field}: {str(found['msg']).removeprefix('Value error, ')}{_got(found.get('input'))}"


def _got(value: object) -> str:
    """Repeat a short scalar, escaped; of anything else say nothing."""
    if isinstance(value, str):
        return f' (got "{shown(value)}")'
    return f" (got {shown(str(value))})" if isinstance(value, bool | int | float) else ""
