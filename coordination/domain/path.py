"""Paths as the service compares them: repo-relative, POSIX, one conflict key for every spelling of one file.

A claim covers its path and everything below it. Overlap of two claims is therefore decided by keys alone: two
keys overlap when they are equal or one is an ancestor of the other. This module computes, for the store to probe
by index, what a claim can overlap with: the key itself and its ancestors (equality), and the byte ranges below
it (design section 6). It never looks at a disk; symlinks are resolved by whoever sees the disk.

The range below ``src`` is everything between ``src/`` and ``src0`` in byte order, because ``0`` follows ``/``.
Named resources (``resource:port/5432``) are a tree of their own: the whole-tree claim ``.`` does not cover them.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coordination.domain.errors import InvalidInput
from coordination.domain.text import hidden, shown

MAX_PATH_BYTES: Final = 1024
MAX_DEPTH: Final = 64
"""Parts of a path. What covers a path is looked up with it; 500 paths of 500 parts each were a hundred megabytes."""
MAX_PATHS: Final = 500
ROOT_KEY: Final = ""
RESOURCE_PREFIX: Final = "resource:"
# No path holds this character, and none is behind it in byte order.
_LAST: Final = "\U0010ffff"
_WILDCARDS: Final = frozenset("*?")
_LAST_OF_PLANES: Final = frozenset(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
# The two joiners are Cf too, and names in several scripts (and emoji) cannot be written without them.
_JOINERS: Final = frozenset("\u200c\u200d")
_DRIVE: Final = re.compile(r"[A-Za-z]:[/\\]")
_SLASHES: Final = re.compile("/+")
_PART: Final = "[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_PLAIN: Final = re.compile(f"{_PART}(?:/{_PART}){{0,{MAX_DEPTH - 1}}}")
"""What is normal already but for its case: most paths, of which all of `normalise` would change nothing."""


@dataclass(frozen=True, slots=True)
class LockPath:
    """One normalised path.

    Attributes:
        path: what is shown to people: repo-relative, NFC, case kept; ``.`` is the whole tree.
        key: what is compared: case-folded; the empty string is the whole tree.
    """

    path: str
    key: str

    @property
    def ancestors(self) -> tuple[str, ...]:
        """Keys of everything that covers this path, outermost first, without the path itself."""
        if self.key == ROOT_KEY:
            return ()
        parts = self.key.split("/")
        above = tuple("/".join(parts[:depth]) for depth in range(1, len(parts)))
        return above if self.is_resource else (ROOT_KEY, *above)

    @property
    def ranges(self) -> tuple[tuple[str, str], ...]:
        """Half-open byte ranges ``(low, high)`` of keys below this path, bounds themselves excluded."""
        if self.key == ROOT_KEY:
            return ((ROOT_KEY, RESOURCE_PREFIX), (RESOURCE_PREFIX + _LAST, _LAST))
        return ((self.key + "/", self.key + "0"),)

    @property
    def is_resource(self) -> bool:
        """Whether the path names something that is not a file, such as ``resource:port/5432``."""
        return self.key.startswith(RESOURCE_PREFIX)


def overlaps(first: str, second: str) -> bool:
    """Whether two keys are equal or one covers the other."""
    if first == second:
        return True
    shorter, longer = sorted((first, second), key=len)
    if shorter == ROOT_KEY:
        return not longer.startswith(RESOURCE_PREFIX)
    return longer.startswith(shorter + "/")


def normalise(raw: str, *, root: str = "", literal: bool = False, field: str = "file_paths") -> LockPath:
    """Turn one path as a caller wrote it into a `LockPath`.

    Args:
        raw: the caller's text.
        root: absolute top level of the caller's checkout, when it is known; absolute paths below it are accepted.
        literal: take ``*`` and ``?`` as ordinary characters, and marks that nobody sees, such as selectors of
            variants, as part of the name (for callers that name files they have seen).
        field: name of the input field, for messages.

    Raises:
        InvalidInput: the path is empty, too long or too deep, escapes the repository, is absolute, holds control
            characters or outer spaces, or is a pattern.
    """
    if len(raw) <= MAX_PATH_BYTES and _PLAIN.fullmatch(raw) is not None:
        return LockPath(path=raw, key=raw.lower())
    text = unicodedata.normalize("NFC", raw)
    _refuse_unprintable(text, field, literal=literal)
    if not _names_resource(text):
        text = "/".join(_clean_parts(_relative(text, root, field), text, field))
    if _names_resource(text):
        text = _resource(text, field)
    _refuse_outer_spaces(text, field)
    if not literal and _WILDCARDS & set(text):
        raise InvalidInput(
            f'{field}: "{shown(text)}" looks like a pattern. Name the files, or name the folder: a claim covers'
            " everything below it."
        )
    key = fold(text)
    if max(len(text.encode()), len(key.encode())) > MAX_PATH_BYTES:
        raise InvalidInput(f"{field}: a path is longer than {MAX_PATH_BYTES} bytes. Claim a folder above it.")
    if key.count("/") >= MAX_DEPTH:
        raise InvalidInput(f"{field}: a path is deeper than {MAX_DEPTH} folders. Claim a folder above it.")
    return LockPath(path=text or ".", key=key)


def fold(text: str) -> str:
    """Fold a name to what is compared: letter case and composition do not count."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def normalise_all(
    raw: Iterable[str],
    *,
    root: str = "",
    literal: bool = False,
    field: str = "file_paths",
    most: int = MAX_PATHS,
) -> tuple[LockPath, ...]:
    """Normalise several paths; spellings of one file become one, the first spelling is kept.

    Raises:
        InvalidInput: one path is wrong, or there are more than `most`.
    """
    given = list(raw)
    if len(given) > most:
        raise InvalidInput(
            f"{field}: {len(given)} paths, at most {most} in one call. Name a folder: it covers what is below it."
        )
    by_key: dict[str, LockPath] = {}
    for text in given:
        path = normalise(text, root=root, literal=literal, field=field)
        by_key.setdefault(path.key, path)
    return tuple(by_key.values())


def _refuse_unprintable(text: str, field: str, *, literal: bool) -> None:
    if not text:
        raise InvalidInput(f'{field}: a path is empty. Send "." for the whole tree.')
    if any(_is_unprintable(character) for character in text) or (not literal and hidden(text)):
        raise InvalidInput(
            f'{field}: "{shown(text)}" holds control or invisible characters. Send the path without them.'
        )
    _refuse_outer_spaces(text, field)


def _refuse_outer_spaces(text: str, field: str) -> None:
    if text != text.strip():
        raise InvalidInput(f'{field}: "{shown(text)}" begins or ends with a space. Send the path without it.')


def _is_unprintable(character: str) -> bool:
    """Control characters, and those that hide or reorder what a person sees; never the end of a byte range."""
    category = unicodedata.category(character)
    if category == "Cf":
        return character not in _JOINERS
    return category in {"Cc", "Cs", "Zl", "Zp"} or character in _LAST_OF_PLANES


def _relative(text: str, root: str, field: str) -> str:
    """Cut the checkout's top level off an absolute path; on a drive, `\\` separates too and case does not count."""
    on_drive = _DRIVE.match(root) is not None
    text = text.replace("\\", "/") if on_drive else text
    if not text.startswith("/") and _DRIVE.match(text) is None:
        return text
    top = root.rstrip("/")
    whole = f"{_SLASHES.sub('/', text).rstrip('/')}/"
    same = whole[: len(top) + 1]
    if root and (same == f"{top}/" or (on_drive and fold(same) == fold(f"{top}/"))):
        return whole[len(top) + 1 :].rstrip("/") or "."
    where = f"below {shown(root)}" if root else "relative to the repository's top level"
    raise InvalidInput(f'{field}: "{shown(text)}" is absolute. Send paths {where}, such as "src/app.py".')


def _names_resource(text: str) -> bool:
    return fold(text).startswith(RESOURCE_PREFIX)


def _resource(text: str, field: str) -> str:
    """Read a name such as ``Resource:port//5432``; the prefix counts in any case, as everything does."""
    name = "/".join(_clean_parts(text.partition(":")[2], text, field))
    if not name:
        raise InvalidInput(
            f'{field}: "{shown(text)}" names no resource. Send for example "resource:port/5432".'
        )
    return RESOURCE_PREFIX + name


def _clean_parts(text: str, original: str, field: str) -> list[str]:
    """Split into parts, resolving ``.`` and ``..`` and dropping a trailing ``**``."""
    parts: list[str] = []
    for part in text.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            raise InvalidInput(f'{field}: "{shown(original)}" leaves the repository. Send a path inside it.')
    while parts and parts[-1] == "**":
        parts.pop()
    return parts
