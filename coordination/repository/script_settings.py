"""What a repository's `package.json`, `tsconfig.json` and `jsconfig.json` say about where imports lead.

They are somebody's text: bounded, read as JSON with comments, and left out when they are anything else. Nothing that
they name outside of the repository is looked at.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import orjson

from coordination.repository.source import read_bounded

SETTINGS_MAX: Final = 256 * 1024
MOST_FILES: Final = 5000
_PACKAGE: Final = "package.json"
_COMPILER: Final = ("tsconfig.json", "jsconfig.json")
_MOST_BASES: Final = 5
# A string, or a comment; a comma before a closing bracket, which JSON does not allow.
_COMMENT: Final = re.compile(rb'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA: Final = re.compile(rb'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the repository: its folder, and the files that stand for it, below the folder."""

    folder: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathAliases:
    """What a compiler was told.

    Attributes:
        paths: for each pattern, the longest first, what stands before and behind its star, and the places to try.
        base: the folder below which bare names are looked for, or None.
    """

    paths: tuple[tuple[str, str, tuple[str, ...]], ...]
    base: str | None


class ScriptSettings:
    """The settings of all packages of one repository.

    Args:
        top: its top level on the disk.
        paths: all of its files.
    """

    def __init__(self, top: Path, paths: Iterable[str]) -> None:
        self._top = top
        wanted = [path for path in paths if posixpath.basename(path) in (_PACKAGE, *_COMPILER)]
        self._files = frozenset(sorted(wanted, key=lambda path: (path.count("/"), path))[:MOST_FILES])
        self._aliases: dict[str, PathAliases | None] = {}
        self.packages = self._find_packages()

    def aliases(self, folder: str) -> PathAliases | None:
        """Return what holds for the files of a folder: the nearest settings above them."""
        if folder not in self._aliases:
            own = next(
                (path for name in _COMPILER if (path := posixpath.join(folder, name)) in self._files), None
            )
            if own is not None:
                self._aliases[folder] = self._compiler(own)
            else:
                self._aliases[folder] = self.aliases(posixpath.dirname(folder)) if folder else None
        return self._aliases[folder]

    def _find_packages(self) -> Mapping[str, Package]:
        found: dict[str, Package] = {}
        for path in sorted(self._files, key=lambda path: (path.count("/"), path)):
            settings = self._read(path) if posixpath.basename(path) == _PACKAGE else {}
            name = settings.get("name")
            if isinstance(name, str) and "node_modules/" not in path:
                found.setdefault(name, Package(posixpath.dirname(path), _entries(settings)))
        return found

    def _compiler(self, path: str) -> PathAliases:
        base: str | None = None
        paths: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
        for _ in range(_MOST_BASES):
            settings, folder = self._read(path), posixpath.dirname(path)
            options = _object(settings.get("compilerOptions"))
            own = options.get("baseUrl")
            here = posixpath.normpath(posixpath.join(folder, own)) if isinstance(own, str) else None
            base = here if base is None else base
            paths = paths or _patterns(_object(options.get("paths")), folder if here is None else here)
            above = settings.get("extends")
            if not isinstance(above, str) or not above.startswith("."):
                break
            path = posixpath.normpath(posixpath.join(folder, above))
            path = path if path.endswith(".json") else f"{path}.json"
        return PathAliases(paths, base)

    def _read(self, path: str) -> dict[str, Any]:
        if path.startswith("../") or posixpath.isabs(path):
            return {}
        content = read_bounded(self._top / path, SETTINGS_MAX)
        try:
            return _object(orjson.loads(_plain_json(content or b"")))
        except orjson.JSONDecodeError:
            return {}


def _plain_json(content: bytes) -> bytes:
    for pattern in (_COMMENT, _COMMA):
        content = pattern.sub(lambda match: match[1] or b"", content)
    return content


def _patterns(paths: dict[str, Any], base: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for pattern, targets in paths.items():
        before, _, after = pattern.partition("*")
        places = cast("list[object]", targets) if isinstance(targets, list) else []
        found.append(
            (before, after, tuple(posixpath.join(base, place) for place in places if isinstance(place, str)))
        )
    return tuple(sorted(found, key=lambda one: -len(one[0])))


def _entries(settings: dict[str, Any]) -> tuple[str, ...]:
    exports = settings.get("exports")
    front = _object(exports).get(".", exports)
    named = [
        *_object(front).values(),
        front,
        *(settings.get(key) for key in ("source", "types", "module", "main")),
    ]
    return tuple(entry for entry in named if isinstance(entry, str))


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
