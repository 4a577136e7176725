"""The project's own source files, as the architecture tests see them. It reads files and judges nothing."""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "coordination"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS: dict[str, Mapping[str, Any]] = {
    contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]
}


def layers() -> list[list[str]]:
    """The layers of the import contract from the top down, each with its siblings."""
    return [[name.strip(" ()") for name in line.split("|")] for line in CONTRACTS["layers"]["layers"]]


@cache
def python_files() -> tuple[Path, ...]:
    """Every Python file of the project, product and tests alike, in a stable order."""
    folders = ("coordination", "migrations", "tests", "benchmarks", "examples")
    return tuple(path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


@cache
def syntax(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def named(path: Path) -> str:
    """How a failure names the file: relative to the project's top level."""
    return path.relative_to(ROOT).as_posix()


def definitions(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of every class and function that the file defines."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
