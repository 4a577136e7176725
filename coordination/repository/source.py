"""Reading one source file: what it defines and what it imports, as far as its text alone tells.

Reading is bounded and follows no symbolic link. Which files of the repository an import means is decided elsewhere,
because that depends on the other files; so what is found here depends on the content alone and can be kept.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coordination.domain.file_index import MAX_SYMBOL_CHARACTERS, MAX_SYMBOLS
from coordination.domain.text import legible

SOURCE_MAX: Final = 1024 * 1024
"""Bytes; what is larger was generated, and tells nobody what it is about."""
MAX_IMPORTED: Final = 1000
"""Imports of one file as they are written; most lead outside of the repository."""
PYTHON: Final = frozenset({".py", ".pyi"})
SCRIPT: Final = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"})


@dataclass(frozen=True, slots=True)
class Extract:
    """What the text of one file says.

    Attributes:
        symbols: names that it defines, those of the module first, without duplicates.
        imports: what it imports, in the form of its language (`python_source`, `script_source`).
    """

    symbols: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()


def suffix_of(path: str) -> str:
    """Return the ending of a path in lower case, '' without one."""
    stem, dot, ending = path[path.rfind("/") + 1 :].rpartition(".")
    return f".{ending.lower()}" if dot and stem and ending else ""


def is_source(path: str) -> bool:
    """Whether a file is in a language that can be read here."""
    suffix = suffix_of(path)
    return suffix in PYTHON or suffix in SCRIPT


def blob_id(content: bytes, *, like: str = "") -> str:
    """Return the id that git gives this content, so that a file keeps it when it is committed.

    Args:
        content: the whole file.
        like: an id of the same repository, by whose length the kind of digest is told; SHA-1 without one.
    """
    whole = b"blob %d\0" % len(content) + content
    if len(like) == hashlib.sha256().digest_size * 2:
        return hashlib.sha256(whole).hexdigest()
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()


def read_bounded(file: Path, limit: int = SOURCE_MAX, *, follow: bool = False) -> bytes | None:
    """Return the content of a regular file; None when it is none, is larger than `limit` bytes or cannot be read.

    Args:
        file: which.
        limit: bytes that it may have.
        follow: whether it may be reached by a symbolic link.
    """
    with contextlib.suppress(OSError, ValueError):
        # Without O_NONBLOCK a named pipe would be waited for.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        opened = os.open(file, flags)
        try:
            facts = os.fstat(opened)
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > limit:
                return None
            with open(opened, "rb", buffering=0, closefd=False) as stream:
                content = stream.read(limit + 1) or b""
            return content if len(content) <= limit else None
        finally:
            # Of a folder `open` makes no stream, and would leave it open.
            os.close(opened)
    return None


def make_extract(symbols: Iterable[str], imports: Iterable[str]) -> Extract:
    """Return what was found within its bounds: names that can be shown, each once, the first ones."""
    kept = (name for name in symbols if 0 < len(name) <= MAX_SYMBOL_CHARACTERS and legible(name))
    told = (name for name in imports if legible(name))
    return Extract(tuple(dict.fromkeys(kept))[:MAX_SYMBOLS], tuple(dict.fromkeys(told))[:MAX_IMPORTED])
