"""A workspace reaches every use case as a value that somebody gave, and nobody below the gate makes one up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import coordination

PACKAGE: Final = Path(coordination.__file__).parent
GIVEN: Final = frozenset({"workspace", "principal", "agent", "identity"})
"""What carries a workspace."""
OF_NO_WORKSPACE: Final = {
    "invitation.accept": "a code leads to its workspace",
    "workspace.bootstrap": "it makes the first workspace",
    "workspace.is_bootstrapped": "it says whether there is one",
}
TELLS_ITS_NAME: Final = {"rest/login.py": "the answer of the bootstrap says what was made"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def use_cases() -> Iterator[tuple[str, Function]]:
    """Every function of the services that anybody may call and that reaches the database."""
    for path in sorted((PACKAGE / "services").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, Function) and not node.name.startswith("_") and _reaches(node):
                yield f"{path.stem}.{node.name}", node


def _reaches(function: Function) -> bool:
    return bool({"core", "database"} & {one.arg for one in _parameters(function)})


def _parameters(function: Function) -> list[ast.arg]:
    taken = function.args
    return [*taken.posonlyargs, *taken.args, *taken.kwonlyargs]


def _optional(function: Function) -> set[str]:
    taken = function.args
    ordered = [*taken.posonlyargs, *taken.args]
    late = ordered[len(ordered) - len(taken.defaults) :]
    pairs = zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
    return {one.arg for one in (*late, *(arg for arg, default in pairs if default is not None))}


def test_every_use_case_is_given_a_workspace() -> None:
    without = {
        name
        for name, function in use_cases()
        if not GIVEN & ({one.arg for one in _parameters(function)} - _optional(function))
    }
    assert without == OF_NO_WORKSPACE.keys()


def test_there_are_use_cases() -> None:
    assert len(list(use_cases())) > 40


@pytest.mark.parametrize("layer", ["transport", "services"])
def test_no_module_names_a_workspace(layer: str) -> None:
    folder = PACKAGE / layer
    naming = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if not path.stem.startswith("example")  # what the description shows
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Constant) and node.value == "local")
        or (
            isinstance(node, ast.keyword) and node.arg == "workspace" and isinstance(node.value, ast.Constant)
        )
    }
    assert naming == set()


def test_the_first_workspace_is_named_where_it_is_told_alone() -> None:
    naming = {
        str(path.relative_to(PACKAGE / "transport"))
        for path in (PACKAGE / "transport").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and "LOCAL_WORKSPACE" in {one.name for one in node.names}
    }
    assert naming == TELLS_ITS_NAME.keys()
