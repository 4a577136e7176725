"""The HTTP API mirrors the use cases one to one: each is called by a route, or named here with the reason why not."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.unit.architecture.sources import PACKAGE, syntax

SERVICES = "coordination.services"
NOT_ROUTES = {
    "agent.join": "agent.heartbeat joins, and says what came of it",
    "file_lock.list_locks": "is a page that may part the leases of one path; file_lock.page_of_locks is the whole one",
    "event.read_latest": "is for those who show the end of the log; programs read it by cursor",
    "session.begin": "a session begins with the first who joins it, or with file_index.begin by a person",
    "file_index.chosen": "says which index a planner plans with; programs name the checkout",
    "file_index.read": "reads a whole index to plan with it; programs read its files page by page",
}
"""Use cases without a route of their own."""
GUARDS = {"require_session", "of_known_session"}
"""What many routes call to see whether a session is there makes none of them a route of the session's status."""


def use_cases() -> set[str]:
    """Every public use case, such as `file_lock.claim`: an async function whose first parameter is `core`."""
    return {
        f"{path.stem}.{node.name}"
        for path in (PACKAGE / "services").glob("*.py")
        for node in syntax(path).body
        if isinstance(node, ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and node.args.args
        and node.args.args[0].arg == "core"
    }


def imported(tree: ast.Module) -> dict[str, str]:
    """What each imported name of a module stands for."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def spoken(node: ast.AST, names: Mapping[str, str]) -> Iterator[str]:
    """Everything that a piece of code names, dotted and in full."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            yield f"{names.get(part.value.id, part.value.id)}.{part.attr}"
        elif isinstance(part, ast.Name):
            yield names.get(part.id, part.id)


def is_route(node: ast.AST) -> bool:
    """Whether a function is what a router calls."""
    return isinstance(node, ast.AsyncFunctionDef) and any(
        isinstance(decorator, ast.Call) and ast.unparse(decorator.func).startswith("router.")
        for decorator in node.decorator_list
    )


def called(trees: Mapping[str, ast.Module]) -> set[str]:
    """The use cases that the routes of some modules call, directly or through functions of the transport."""
    found: set[str] = set()
    todo = [(tree, node) for tree in trees.values() for node in ast.walk(tree) if is_route(node)]
    seen: set[str] = set()
    while todo:
        tree, node = todo.pop()
        for name in spoken(node, imported(tree)):
            if name.startswith(f"{SERVICES}."):
                found.add(name.removeprefix(f"{SERVICES}."))
                continue
            module, _, function = name.rpartition(".")
            home = tree if not module else transport(module)
            if home is None or function in GUARDS or f"{module}.{function}@{id(home)}" in seen:
                continue
            seen.add(f"{module}.{function}@{id(home)}")
            todo += [(home, one) for one in home.body if getattr(one, "name", "") == function]
    return found & use_cases()


def transport(module: str) -> ast.Module | None:
    """The code of a module of the transport; None of everything else."""
    path = PACKAGE.parent / Path(*module.split(".")).with_suffix(".py")
    return syntax(path) if module.startswith("coordination.transport.") and path.exists() else None


ROUTES = {path.stem: syntax(path) for path in sorted((PACKAGE / "transport" / "rest").glob("*.py"))}


def test_every_use_case_has_its_route_or_a_reason() -> None:
    assert use_cases() - called(ROUTES) == NOT_ROUTES.keys()


@pytest.mark.parametrize(
    ("module", "route", "lost"),
    [
        ("file_lock", "claim_locks", {"file_lock.claim", "file_lock.give_back"}),
        ("file_lock", "renew_locks", {"file_lock.renew"}),
        ("sync", "confirm_news", {"task.confirm_news"}),
        ("session", "read_session", {"agent.read_status"}),
    ],
)
def test_a_route_that_is_taken_away_is_missed(module: str, route: str, lost: set[str]) -> None:
    source = ast.unparse(ROUTES[module])
    assert source.count(f"async def {route}(") == 1
    without = Without(route).visit(ast.parse(source))
    assert called(ROUTES) - called({**ROUTES, module: without}) == lost


class Without(ast.NodeTransformer):
    """Takes a function out of some code."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST | None:
        """Leave it out when it is the one."""
        return None if node.name == self._name else self.generic_visit(node)
