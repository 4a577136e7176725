"""docs/how-to/read-the-logs.md explains what the service logs at its usual level, and nothing else."""

import ast
from collections.abc import Iterator

from tests.unit.docs.page import DOCS, ROOT, rows, spans, text_of

PAGE = text_of(DOCS / "how-to" / "read-the-logs.md")
LOGGED = {"info", "warning", "error", "exception", "critical", "_tell"}
FIELDS = {"event", "level", "timestamp", "request_id", "logger"}


def logged() -> Iterator[str]:
    """The event of every call that logs, above debug."""
    for module in sorted((ROOT / "coordination").rglob("*.py")):
        for node in ast.walk(ast.parse(text_of(module))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LOGGED
                and getattr(node.func.value, "id", "") in {"_log", "self"}
                and isinstance(node.args[0], ast.Constant)
            ):
                yield str(node.args[0].value).replace("%s", "…")


def test_every_event_that_is_logged_is_explained_and_no_other_is() -> None:
    documented = {name for row in rows(PAGE) for name in spans(row[0])} - FIELDS
    assert documented == set(logged())
