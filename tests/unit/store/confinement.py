"""Whether a statement is confined to one workspace, as Postgres' own parser reads it.

Of each table of a tenant that a statement names, `workspace_id` has to be equal to the workspace that the caller gave,
or to that of something which is: in the WHERE of the same SELECT, or in the ON of its joins. What is inserted has to
have it. Functions that take a workspace have to be given one.
"""

# What the grammar requires may be missing by the types of the parser's package.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false, reportOptionalIterable=false
# pyright: reportOptionalSubscript=false, reportUnknownMemberType=false, reportAssignmentType=false, reportReturnType=false
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pglast import ast, enums, parse_sql, visitors

KEY: Final = "workspace_id"
WORKSPACES: Final = "workspaces"
_ROWS: Final = frozenset({"old", "new"})
"""What a trigger is given."""
Statement = ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt
_STATEMENTS: Final = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
_VARIABLES: Final = ("p_", "v_")
Side = tuple[str, str] | None
"""Whose workspace an expression is: of a table by its alias, of the caller ('', …); None for anything else."""
CALLER: Final = ("", "caller")


@dataclass
class Scope:
    """What one SELECT, INSERT, UPDATE or DELETE names.

    Attributes:
        tables: the tables by alias.
        bound: the aliases that are confined; at first those from outside of it, and what is no table.
        pairs: what its conditions say is equal, and which aliases that confines (None for both sides).
    """

    tables: dict[str, str] = field(default_factory=dict[str, str])
    bound: set[str] = field(default_factory=set[str])
    pairs: list[tuple[Side, Side, set[str] | None]] = field(
        default_factory=list[tuple[Side, Side, set[str] | None]]
    )

    def side(self, node: Any) -> Side:
        """Whose workspace an expression is."""
        if isinstance(node, ast.TypeCast):
            return self.side(node.arg)
        if isinstance(node, ast.ParamRef):
            return CALLER if node.number == 1 else None
        if isinstance(node, ast.A_Expr):
            asked = isinstance(node.rexpr, ast.A_Const) and node.rexpr.val == ast.String("workspace")
            return CALLER if asked and node.name[0].sval == "->>" else None
        return self._column(node) if isinstance(node, ast.ColumnRef) else None

    def _column(self, node: ast.ColumnRef) -> Side:
        names = [part.sval for part in node.fields if isinstance(part, ast.String)]
        if names == ["p_workspace"]:
            return CALLER
        if names == [KEY] and len(self.tables) == 1:
            return (next(iter(self.tables)), KEY)
        if len(names) == 2 and names[1] in self._keys(names[0]):
            return CALLER if self._is_variable(names[0]) else (names[0], KEY)
        return None

    def _keys(self, alias: str) -> tuple[str, ...]:
        if self.tables.get(alias) == WORKSPACES:
            return ("id",)
        return (KEY,) if alias in self.tables or self._is_variable(alias) else (KEY, "workspace")

    def _is_variable(self, name: str) -> bool:
        return (name.startswith(_VARIABLES) or name in _ROWS) and name not in self.tables

    def is_bound(self, side: Side) -> bool:
        """Whether an expression is the caller's workspace."""
        return side is not None and (side == CALLER or side[0] in self.bound)

    def settle(self) -> None:
        """Carry on from what is confined to what is equal to it."""
        grew = True
        while grew:
            before = len(self.bound)
            for left, right, may in self.pairs:
                for one, other in ((left, right), (right, left)):
                    if one and one != CALLER and self.is_bound(other) and (may is None or one[0] in may):
                        self.bound.add(one[0])
            grew = len(self.bound) > before


class Inspection:
    """Finds what statements do not confine.

    Args:
        tables: the tables that have rows of tenants.
        places: for each function that takes a workspace, at which argument.
    """

    def __init__(self, tables: frozenset[str], places: Mapping[str, int]) -> None:
        self._tables = tables
        self._places = places

    def faults(self, sql: str) -> list[str]:
        """Say what of some SQL is confined to no workspace; nothing when all of it is."""
        return [
            fault
            for raw in parse_sql(sql)
            if isinstance(raw.stmt, _STATEMENTS)
            for fault in self._inspect(raw.stmt, frozenset(), frozenset())
        ]

    def _inspect(self, node: Statement, outer: frozenset[str], named: frozenset[str]) -> Iterator[str]:
        clause = node.withClause
        ctes: tuple[ast.CommonTableExpr, ...] = () if clause is None else clause.ctes
        named = named | {cte.ctename for cte in ctes}
        scope = Scope(bound=set(outer))
        if isinstance(node, ast.SelectStmt) and node.op != enums.SetOperation.SETOP_NONE:
            yield from self._inspect(node.larg, outer, named)
            yield from self._inspect(node.rarg, outer, named)
        self._read_tables(node, scope, named)
        scope.settle()
        for alias, table in scope.tables.items():
            if alias not in scope.bound:
                yield f"{table} {alias} is bound to no workspace"
        if isinstance(node, ast.InsertStmt):
            yield from self._inserted(node, scope, named)
        if isinstance(node, ast.UpdateStmt) and KEY in {target.name for target in node.targetList}:
            yield f"{node.relation.relname} is given another workspace"
        yield from self._given(node, scope)
        for inner in _inner(node):
            yield from self._inspect(inner, frozenset(scope.bound), named)

    def _read_tables(self, node: Statement, scope: Scope, named: frozenset[str]) -> None:
        if isinstance(node, ast.SelectStmt):
            sources = node.fromClause or ()
        elif isinstance(node, ast.UpdateStmt):
            sources = (node.relation, *(node.fromClause or ()))
        elif isinstance(node, ast.DeleteStmt):
            sources = (node.relation, *(node.usingClause or ()))
        else:
            return
        conditions: list[tuple[Any, set[str] | None]] = [(node.whereClause, None)]
        for source in sources:
            self._read_source(source, scope, named, conditions)
        for condition, may in conditions:
            for equal in _conjuncts(condition):
                scope.pairs += [(scope.side(left), scope.side(right), may) for left, right in _equal(equal)]

    def _read_source(
        self, source: Any, scope: Scope, named: frozenset[str], conditions: list[tuple[Any, set[str] | None]]
    ) -> set[str]:
        """Note what a part of FROM names; returns its aliases."""
        if isinstance(source, ast.JoinExpr):
            left = self._read_source(source.larg, scope, named, conditions)
            right = self._read_source(source.rarg, scope, named, conditions)
            conditions.append((source.quals, _confined_by(source.jointype, left, right)))
            return left | right
        alias = source.alias.aliasname if source.alias else getattr(source, "relname", "")
        # A name without alias hides one from outside of it.
        scope.bound.discard(alias)
        if isinstance(source, ast.RangeVar) and source.relname in self._tables - named:
            scope.tables[alias] = source.relname
        else:
            scope.bound.add(alias)
        return {alias}

    def _inserted(self, node: ast.InsertStmt, scope: Scope, named: frozenset[str]) -> Iterator[str]:
        table = node.relation.relname
        if table not in self._tables:
            return
        columns = [column.name for column in node.cols or ()]
        key = "id" if table == WORKSPACES else KEY
        if key not in columns:
            yield f"{table} is inserted into without a workspace"
            return
        at = columns.index(key)
        for query in _halves(node.selectStmt):
            inside = Scope(bound=set(scope.bound))
            self._read_tables(query, inside, named)
            inside.settle()
            values = query.valuesLists or [[target.val for target in query.targetList]]
            if not all(inside.is_bound(inside.side(row[at])) for row in values):
                yield f"{table} is inserted into with another workspace"
        clause = node.onConflictClause
        if clause is not None and clause.infer is not None:
            inferred = {element.name for element in clause.infer.indexElems or ()}
            if key not in inferred:
                yield f"{table} conflicts across workspaces"

    def _given(self, node: Statement, scope: Scope) -> Iterator[str]:
        for call in _own(node, ast.FuncCall):
            place = self._places.get(call.funcname[-1].sval)
            if place is not None and not scope.is_bound(scope.side(call.args[place])):
                yield f"{call.funcname[-1].sval} is called with another workspace"


def _confined_by(kind: Any, left: set[str], right: set[str]) -> set[str] | None:
    """Which aliases the ON of a join confines: not those whose rows are kept without a match."""
    kinds = enums.JoinType
    return {kinds.JOIN_INNER: None, kinds.JOIN_LEFT: right, kinds.JOIN_RIGHT: left}.get(kind, set[str]())


def _conjuncts(node: Any) -> Iterator[Any]:
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        for part in node.args:
            yield from _conjuncts(part)
    elif node is not None:
        yield node


def _equal(node: Any) -> Iterator[tuple[Any, Any]]:
    """What a condition says is equal; of rows, part by part."""
    if (
        not isinstance(node, ast.A_Expr)
        or node.kind != enums.A_Expr_Kind.AEXPR_OP
        or node.name[0].sval != "="
    ):
        return
    if isinstance(node.lexpr, ast.RowExpr) and isinstance(node.rexpr, ast.RowExpr):
        yield from zip(node.lexpr.args, node.rexpr.args, strict=True)
    else:
        yield node.lexpr, node.rexpr


def _halves(query: ast.SelectStmt) -> Iterator[ast.SelectStmt]:
    if query.op == enums.SetOperation.SETOP_NONE:
        yield query
    else:
        yield from (*_halves(query.larg), *_halves(query.rarg))


def _own(node: Statement, kind: type[Any]) -> list[Any]:
    """All nodes of a kind in a statement, without those of the statements in it."""
    found: list[Any] = []

    class Collect(visitors.Visitor):
        def visit(self, ancestors: Any, one: Any) -> Any:  # pyright: ignore  a method, as they document
            if isinstance(one, kind):
                found.append(one)
            if isinstance(one, _STATEMENTS) and one is not node:
                return visitors.Skip
            return None

    Collect()(node)
    return found


def _inner(node: Statement) -> list[Any]:
    halves = (getattr(node, "larg", None), getattr(node, "rarg", None))
    return [
        one
        for kind in _STATEMENTS
        for one in _own(node, kind)
        if one is not node and all(one is not half for half in halves)
    ]
