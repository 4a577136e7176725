"""docs/reference/errors.md names every code that a caller can meet, with its status, and nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

from coordination.domain import errors
from coordination.transport.mcp.errors import INTERNAL_CODE
from coordination.transport.problem import HTTP_STATUS, INTERNAL_STATUS
from tests.unit.docs.page import REFERENCE, ROOT, rows, section, spans, text_of

PAGE = text_of(REFERENCE / "errors.md")
SHARED = section(PAGE, "Codes of the tools and of the HTTP API")
HTTP_ONLY = section(PAGE, "Codes of HTTP alone")
# FastAPI's own word for a body or a query that does not fit.
UNPROCESSABLE = 422

Coded = tuple[str, int]


def table(text: str) -> set[Coded]:
    """Each code of a table with each of its statuses."""
    return {
        (spans(code)[0], int(status)) for code, statuses, *_ in rows(text) for status in statuses.split(", ")
    }


def leaves(error: type[errors.CoordinationError]) -> Iterator[type[errors.CoordinationError]]:
    """The errors below one in the tree."""
    for child in error.__subclasses__():
        yield child
        yield from leaves(child)


def written(folder: Path) -> Iterator[Coded]:
    """Every status and code that the code below a folder writes out in a call: `problem(401, "unauthorized", …)`."""
    for module in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) < 2:
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            status, code = node.args[0], node.args[1]
            if (
                called in {"problem", "_Refused"}
                and isinstance(status, ast.Constant)
                and isinstance(status.value, int)
                and isinstance(code, ast.Constant)
            ):
                yield str(code.value), status.value


def test_every_error_of_the_tree_stands_with_its_status_and_nothing_else_does() -> None:
    domain = {(error.code, HTTP_STATUS[error.code]) for error in leaves(errors.CoordinationError)}
    others = {(INTERNAL_CODE, INTERNAL_STATUS), (errors.InvalidInput.code, UNPROCESSABLE)}
    assert table(SHARED) == domain | others


def test_every_code_of_http_alone_stands_with_its_status_and_nothing_else_does() -> None:
    found = set(written(ROOT / "coordination"))
    assert len(found) > len(HTTP_STATUS)
    assert table(HTTP_ONLY) == found - table(SHARED)


def test_no_code_stands_in_both_tables() -> None:
    assert not {code for code, _ in table(SHARED)} & {code for code, _ in table(HTTP_ONLY)}
