"""What a Python file defines and imports, read from its syntax tree; nothing of it is run.

Names: functions, classes and module-level names first, then what classes hold. Imports are kept as they are written:
`a.b` for `import a.b`, `..a:b,c` for `from ..a import b, c`. A file that this Python cannot parse is looked through
line by line for the same. Only statements are visited, with a list of our own: no nesting can exhaust the stack.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Final

from coordination.repository.source import Extract, make_extract

_DEFINED: Final = re.compile(rb"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_IMPORTED: Final = re.compile(rb"^[ \t]*import[ \t]+([\w., \t]+)", re.MULTILINE)
_FROM: Final = re.compile(rb"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+\(?([\w*, \t]*)", re.MULTILINE)
_BODIES: Final = ("body", "orelse", "finalbody", "handlers", "cases")
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def read_python(content: bytes) -> Extract:
    """Return what a Python file defines and imports; nothing when it is not text."""
    try:
        with warnings.catch_warnings():
            # Of escapes and the like in code that is not ours.
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return _look_through(content)
    return make_extract(_symbols(tree), _imports(tree))


def _symbols(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the module, then those of its classes, one level after the other."""
    bodies: list[Iterable[ast.stmt]] = [tree.body]
    while bodies:
        inner: list[Iterable[ast.stmt]] = []
        for body in bodies:
            for statement in _unfolded(body):
                yield from (name for name in _names(statement) if not _is_dunder(name))
                if isinstance(statement, ast.ClassDef):
                    inner.append(statement.body)
        bodies = inner


def _unfolded(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements and what stands under `if`, `try` and `with`, in order; not what functions and classes hold."""
    stack = list(body)[::-1]
    while stack:
        statement = stack.pop()
        yield statement
        if not isinstance(statement, (*_Function, ast.ClassDef)):
            stack.extend(_inside(statement)[::-1])


def _inside(node: ast.AST) -> list[ast.stmt]:
    """Return the statements below a compound one, through handlers and cases."""
    found: list[ast.stmt] = []
    for name in _BODIES:
        for child in getattr(node, name, ()):
            found.extend([child] if isinstance(child, ast.stmt) else child.body)
    return found


def _names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (*_Function, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _imports(tree: ast.Module) -> Iterator[str]:
    """Yield every import of the file, those inside functions too."""
    stack = list(tree.body)[::-1]
    while stack:
        statement = stack.pop()
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield _from(
                "." * statement.level + (statement.module or ""), [alias.name for alias in statement.names]
            )
        else:
            stack.extend(_inside(statement)[::-1])


def _from(module: str, names: Iterable[str]) -> str:
    return f"{module}:{','.join(names)}"


def _look_through(content: bytes) -> Extract:
    """Find definitions and imports by their lines: code for another Python, or in the middle of a change."""
    if b"\0" in content:
        return Extract()
    symbols = (_text(name) for name in _DEFINED.findall(content))
    plain = (
        name.split()[0]
        for found in _IMPORTED.findall(content)
        for name in _text(found).split(",")
        if name.strip()
    )
    named = (
        _from(_text(module), [name.split()[0] for name in _text(names).split(",") if name.strip()])
        for module, names in _FROM.findall(content)
    )
    return make_extract((name for name in symbols if not _is_dunder(name)), [*plain, *named])


def _text(found: bytes) -> str:
    return found.decode(errors="replace")
