"""docs/reference/daemon.md has every event that the daemon tells of itself, with its facts, and no other."""

import ast
from collections.abc import Iterator

from tests.unit.docs.page import DOCS, ROOT, rows, spans, text_of

PAGE = text_of(DOCS / "reference" / "daemon.md")


def recorded() -> Iterator[str]:
    """What is recorded in the daemon's journal: every `noun.past_verb` that its modules name."""
    for module in sorted((ROOT / "coordination" / "daemon").glob("*.py")):
        for node in ast.walk(ast.parse(text_of(module))):
            if isinstance(node, ast.Constant) and node.value in KINDS:
                yield str(node.value)


KINDS = {
    name
    for row in rows(PAGE)
    if len(row) == 3
    for name in spans(row[0])
    if name.count(".") == 1 and name.islower()
}


def test_every_event_of_the_page_is_recorded() -> None:
    assert KINDS
    assert set(recorded()) == KINDS


def test_every_event_that_is_recorded_is_on_the_page() -> None:
    given: set[str] = set()
    for module in sorted((ROOT / "coordination" / "daemon").glob("*.py")):
        for node in ast.walk(ast.parse(text_of(module))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"record", "_record"}
                and node.args
            ):
                kinds = ast.walk(node.args[0])
                given |= {str(one.value) for one in kinds if isinstance(one, ast.Constant)}
    assert given
    assert given <= KINDS
