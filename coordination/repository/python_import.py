"""Which files of the repository the imports of a Python file mean.

Nothing is run and no path of an interpreter is known, so a module is looked for where one can lie: beside the package
that asks, below the folders above it, in `src` and `lib`, in the folders that hold packages or a project's settings.
The nearest folder that has the module wins. What is found nowhere lies outside of the repository.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

_PROJECTS: Final = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})
_CUSTOMARY: Final = ("src", "lib", "python")
_SUFFIXES: Final = (".py", ".pyi", "/__init__.py", "/__init__.pyi")


class PythonImports:
    """Resolves imports among the files of one repository.

    Args:
        paths: all of its files.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._files = frozenset(paths)
        self._found: dict[tuple[str, str], tuple[str, ...]] = {}

    def resolve(self, path: str, imports: Iterable[str]) -> Iterator[str]:
        """Yield the files that `imports` of the file `path` mean (forms: `python_source`), some perhaps twice."""
        folder = _parent(path)
        for text in imports:
            key = (folder, text)
            known = self._found.get(key)
            if known is None:
                known = self._found[key] = tuple(self._resolve(folder, text))
            yield from known

    def _resolve(self, folder: str, text: str) -> Iterator[str]:
        module, is_from, names = text.partition(":")
        level = len(module) - len(module.lstrip("."))
        parts = [part for part in module[level:].split(".") if part]
        base = self._relative(folder, level) if level else self._base(folder, parts)
        if base is None:
            return
        if is_from:
            yield from self._members(_joined(base, *parts), names.split(","))
        else:
            yield from self._nearest(base, parts)

    def _relative(self, folder: str, level: int) -> str | None:
        """Return the folder that so many dots mean; None above the top level."""
        parts = folder.split("/") if folder else []
        up = level - 1
        return None if up > len(parts) else "/".join(parts[: len(parts) - up])

    def _members(self, module: str, names: Iterable[str]) -> Iterator[str]:
        """Yield the modules among the names, and for the other names the module that they are imported from."""
        own = self._module(module)
        for name in names:
            found = self._module(_joined(module, name)) or own
            if found is not None:
                yield found

    def _nearest(self, base: str, parts: list[str]) -> Iterator[str]:
        """Yield the file of a dotted name, or of what stands before its last parts."""
        for length in range(len(parts), 0, -1):
            found = self._module(_joined(base, *parts[:length]))
            if found is not None:
                yield found
                return

    def _module(self, place: str) -> str | None:
        return next((place + suffix for suffix in _SUFFIXES if place + suffix in self._files), None)

    def _base(self, folder: str, parts: list[str]) -> str | None:
        """Return the folder below which an absolute name lies, the nearest one that goes deepest into the name."""
        if not parts:
            return None
        best: tuple[int, str] | None = None
        for root in self._roots(folder, parts[0]):
            depth = self._depth(root, parts)
            if depth and (best is None or depth > best[0]):
                best = (depth, root)
        return None if best is None else best[1]

    def _depth(self, root: str, parts: list[str]) -> int:
        """How many parts of a name can be followed below a folder."""
        place = root
        for number, part in enumerate(parts):
            place = _joined(place, part)
            if place not in self._folders:
                return number + (self._module(place) is not None)
        return len(parts)

    def _roots(self, folder: str, first: str) -> Iterator[str]:
        """Yield the folders that may hold a top-level module, those near to the file first."""
        above = folder
        while True:
            # A file in a package does not see its own package's modules as top-level ones.
            if above == folder or not self._is_package(above):
                yield above
            yield from (_joined(above, name) for name in _CUSTOMARY)
            if not above:
                break
            above = _parent(above)
        yield from sorted(
            self._tops.get(first, ()), key=lambda root: (-_shared(root, folder), root.count("/"), root)
        )

    def _is_package(self, folder: str) -> bool:
        return f"{folder}/__init__.py" in self._files

    @cached_property
    def _folders(self) -> frozenset[str]:
        """Every folder with Python files in it or below."""
        found: set[str] = set()
        for path in self._files:
            folder = _parent(path) if path.endswith((".py", ".pyi")) else ""
            while folder and folder not in found:
                found.add(folder)
                folder = _parent(folder)
        return frozenset(found)

    @cached_property
    def _tops(self) -> dict[str, set[str]]:
        """By its first part, where else a name may begin: beside top-level packages and in projects."""
        roots: set[str] = set()
        for path in self._files:
            folder, name = _parent(path), path.rpartition("/")[2]
            if name == "__init__.py" and folder and not self._is_package(_parent(folder)):
                roots.add(_parent(folder))
            elif name in _PROJECTS:
                roots.add(folder)
        found: defaultdict[str, set[str]] = defaultdict(set)
        for folder in self._folders:
            if _parent(folder) in roots:
                found[folder.rpartition("/")[2]].add(_parent(folder))
        for path in self._files:
            if path.endswith(".py") and _parent(path) in roots:
                found[path.rpartition("/")[2].removesuffix(".py")].add(_parent(path))
        return found


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _shared(first: str, second: str) -> int:
    """How many folders two paths have in common."""
    number = 0
    for one, other in zip(first.split("/"), second.split("/"), strict=False):
        if one != other:
            break
        number += 1
    return number
