"""What was read out of source files, kept on the user's machine, so that unchanged files need not be read again.

One file for each working tree in the user's cache folder, readable for the user alone; entries are found by the digest
of a content and the ending of the name. It holds names and no content, can be deleted at any time, and whatever is
wrong with it counts as empty. It keeps what the last run used and, within bounds, what earlier ones did, for whoever
changes branches; of many trees the ones that were used last.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import orjson

from coordination.repository.source import Extract, read_bounded

VERSION: Final = 2
"""Raise it with every change of what the readers of sources find."""
MOST_TREES: Final = 32
MOST_BYTES: Final = 256 * 1024 * 1024
_SPARE: Final = 5000


class ExtractCache:
    """The kept extracts of one working tree.

    Args:
        folder: where the caches of all trees lie; it is made when something is kept.
        top: the tree's top level.
    """

    def __init__(self, folder: Path, top: Path) -> None:
        name = hashlib.sha256(os.fsencode(top)).hexdigest()[:24]
        self._file = folder / f"{name}.v{VERSION}.json"
        self._entries = _read(self._file)
        self._used: dict[str, list[list[str]]] = {}
        self._changed = False

    def get(self, digest: str, suffix: str) -> Extract | None:
        """Return what is kept for a content, if anything."""
        key = f"{digest}{suffix}"
        entry = self._entries.get(key)
        if entry is None:
            return None
        try:
            symbols, imports = (tuple(str(name) for name in names) for names in entry)
        except (TypeError, ValueError):
            return None
        self._used[key] = entry
        return Extract(symbols, imports)

    def keep(self, digest: str, suffix: str, extract: Extract) -> None:
        """Keep what was found for a content."""
        self._used[f"{digest}{suffix}"] = [list(extract.symbols), list(extract.imports)]
        self._changed = True

    def write(self) -> None:
        """Write what is kept to the disk, if it changed; a disk that takes nothing is no failure."""
        if not self._changed:
            with contextlib.suppress(OSError):
                os.utime(self._file)
            return
        older = (key for key in self._entries if key not in self._used)
        room = len(self._used) + _SPARE
        kept = self._used | {key: self._entries[key] for key, _ in zip(older, range(room), strict=False)}
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self._file, orjson.dumps(kept))
            _remove_all_but(MOST_TREES, self._file.parent)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found: object = orjson.loads(read_bounded(file, MOST_BYTES) or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _replace(file: Path, content: bytes) -> None:
    # mkstemp makes a file that only its owner may read.
    opened, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}")
    try:
        with os.fdopen(opened, "wb") as stream:
            stream.write(content)
        os.replace(name, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _remove_all_but(number: int, folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[number:]:
        file.unlink(missing_ok=True)
