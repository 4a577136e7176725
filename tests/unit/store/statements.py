"""Every piece of SQL that the product runs: the texts of `store/*.py`, and the bodies of its functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import pglast
from pglast import enums

import coordination.store

STORE: Final = Path(coordination.store.__file__).parent
FUNCTIONS: Final = STORE / "functions"
OF_THE_SCHEMA: Final = ("backup", "migration", "migration_text")
"""Modules whose SQL is about whole tables, and never about rows in them."""
_SQL: Final = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|TRUNCATE|COPY|CALL|DO)\b")
_ASSIGNED: Final = re.compile(r"[\w.\[\]]+\s*:?=\s*", re.DOTALL)
_ROWS: Final = re.compile(r"(?m)^(\s+v_\w+ )\w+\[\]")
"""A variable that holds rows: the parser, which knows no tables, refuses those."""
_EXPRESSION: Final = 2
"""From here on the parser's modes are of expressions, then of assignments."""
_ASSIGNMENT: Final = 3


@dataclass(frozen=True)
class Function:
    """A function of the database.

    Attributes:
        name: what it is called.
        parameters: the names of its arguments.
        queries: the SQL in its body.
        text: its whole definition.
    """

    name: str
    parameters: tuple[str, ...]
    queries: tuple[str, ...]
    text: str

    @property
    def builds(self) -> bool:
        """Whether it runs SQL that it builds out of text."""
        return re.search(r"\bEXECUTE\b", self.text) is not None

    @property
    def place(self) -> int | None:
        """At which argument it takes its workspace; None when it takes none."""
        return self.parameters.index("p_workspace") if "p_workspace" in self.parameters else None


def texts() -> dict[str, str]:
    """The SQL in the modules of the store, by `module.NAME`, or by `module:line` where it has no name."""
    found: dict[str, str] = {}
    for path in _modules():
        tree = ast.parse(path.read_text())
        names = _names(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value):
                found[f"{path.stem}.{names.get(id(node), node.lineno)}"] = node.value
    return found


def built() -> list[str]:
    """Where the store builds SQL out of strings, which nobody could inspect."""
    found: list[str] = []
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr | ast.BinOp) and _begins_as_sql(node):
                found.append(f"{path.stem}:{node.lineno}")
    return found


def _modules() -> list[Path]:
    return [path for path in sorted(STORE.glob("*.py")) if path.stem not in OF_THE_SCHEMA]


def _begins_as_sql(node: ast.JoinedStr | ast.BinOp) -> bool:
    first = node.left if isinstance(node, ast.BinOp) else next(iter(node.values), None)
    return isinstance(first, ast.Constant) and isinstance(first.value, str) and bool(_SQL.match(first.value))


def functions() -> dict[str, Function]:
    """Every function of the database, by name."""
    found = [function(path.read_text()) for path in sorted(FUNCTIONS.glob("*.sql"))]
    return {one.name: one for one in found}


def function(text: str) -> Function:
    """Read the definition of a function."""
    (raw,) = pglast.parse_sql(text)
    made = cast("Any", raw.stmt)
    options = {option.defname: option.arg for option in made.options}
    taken = [
        one.name for one in made.parameters or () if one.mode != enums.FunctionParameterMode.FUNC_PARAM_TABLE
    ]
    body = options["as"][0].sval
    plpgsql = options["language"].sval == "plpgsql"
    queries = tuple(_queries(pglast.parse_plpgsql(_ROWS.sub(r"\1text[]", text)))) if plpgsql else (body,)
    return Function(made.funcname[-1].sval, tuple(taken), queries, text)


def _queries(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for one in cast("list[Any]", tree):
            yield from _queries(one)
    elif isinstance(tree, dict):
        nodes = cast("dict[str, Any]", tree)
        if "PLpgSQL_expr" in nodes:
            yield _query(**nodes["PLpgSQL_expr"])
        for one in nodes.values():
            yield from _queries(one)


def _query(query: str, parseMode: int = 0) -> str:
    if parseMode >= _ASSIGNMENT:
        query = _ASSIGNED.sub("", query, count=1)
    return query if parseMode < _EXPRESSION else f"SELECT {query}"


def _names(tree: ast.Module) -> dict[int, str]:
    assigned = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return {
        id(node.value): target.id
        for node in assigned
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
