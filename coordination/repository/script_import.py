"""Which files of the repository the imports of a JavaScript or TypeScript file mean.

Relative names by file, ending and `index`; names of packages of this repository by the `package.json` that carries the
name; aliases by the nearest `tsconfig.json` or `jsconfig.json` (`paths`, `baseUrl`, `extends`, as far as they are
literal). A name that is found nowhere lies outside of the repository. Bundlers' own aliases are not read.
"""

import posixpath
from collections.abc import Iterable, Iterator
from typing import Final

from coordination.repository.script_settings import Package, PathAliases, ScriptSettings

_SUFFIXES: Final = (
    ".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".vue", ".svelte",
)  # fmt: skip
_CANDIDATES: Final = ("", *_SUFFIXES, *(f"/index{suffix}" for suffix in _SUFFIXES))
# A TypeScript file imports what its neighbour will be compiled to.
_COMPILED: Final = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_ENTRIES: Final = ("src/index", "index", "src/main", "lib/index", "main")


class ScriptImports:
    """Resolves imports among the files of one repository.

    Args:
        paths: all of its files.
        settings: what its packages and compilers were told.
    """

    def __init__(self, paths: Iterable[str], settings: ScriptSettings) -> None:
        self._files = frozenset(paths)
        self._settings = settings
        self._found: dict[tuple[str, str], str | None] = {}

    def resolve(self, path: str, imports: Iterable[str]) -> Iterator[str]:
        """Yield the files that `imports` of the file `path` mean, some perhaps twice."""
        folder = posixpath.dirname(path)
        for text in imports:
            key = (folder, text)
            if key not in self._found:
                self._found[key] = self._resolve(folder, text)
            found = self._found[key]
            if found is not None:
                yield found

    def _resolve(self, folder: str, text: str) -> str | None:
        # What follows tells a bundler how to load it.
        name = text.partition("?")[0]
        if name.startswith("."):
            return self._file(posixpath.join(folder, name))
        aliases = self._settings.aliases(folder)
        return (self._aliased(aliases, name) if aliases is not None else None) or self._packaged(name)

    def _aliased(self, aliases: PathAliases, name: str) -> str | None:
        for before, after, targets in aliases.paths:
            middle = name[len(before) : len(name) - len(after)]
            if name.startswith(before) and name.endswith(after) and len(name) >= len(before) + len(after):
                found = (self._file(target.replace("*", middle, 1)) for target in targets)
                if (first := next((file for file in found if file is not None), None)) is not None:
                    return first
        return None if aliases.base is None else self._file(posixpath.join(aliases.base, name))

    def _packaged(self, name: str) -> str | None:
        """Find a name of a package of this repository, or of a file in one."""
        parts = name.split("/")
        length = 2 if name.startswith("@") else 1
        package = self._settings.packages.get("/".join(parts[:length]))
        if package is None:
            return None
        below = "/".join(parts[length:])
        return self._below(package, below) if below else self._entry(package)

    def _below(self, package: Package, name: str) -> str | None:
        places = (posixpath.join(package.folder, start, name) for start in ("", "src", "lib"))
        return next((file for place in places if (file := self._file(place)) is not None), None)

    def _entry(self, package: Package) -> str | None:
        places = (posixpath.join(package.folder, entry) for entry in (*package.entries, *_ENTRIES))
        return next((file for place in places if (file := self._file(place)) is not None), None)

    def _file(self, place: str) -> str | None:
        """Return the file that a path without or with an ending means; None outside of the repository."""
        whole = posixpath.normpath(place)
        if whole == "..":
            return None
        stem, ending = posixpath.splitext(whole)
        candidates = [whole + suffix for suffix in _CANDIDATES]
        candidates += [stem + source for source in _COMPILED.get(ending, ())]
        if whole == ".":
            candidates = [f"index{suffix}" for suffix in _SUFFIXES]
        return next((candidate for candidate in candidates if candidate in self._files), None)
