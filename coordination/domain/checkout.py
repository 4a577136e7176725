"""Checkout and terminal keys: which working tree and which terminal a request comes from.

A client may send `{host}:{git top level}` and `{pid}-{start time}`. This module validates the two texts and
derives the short hash by which locks tell working trees apart. It neither looks at a disk nor resolves
anything.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from coordination.domain.errors import InvalidInput

HOST_MAX: Final = 255
ROOT_MAX: Final = 4096
HASH_LENGTH: Final = 12

CHECKOUT_FORM: Final = "{host}:{absolute path of the git top level}"
TERMINAL_FORM: Final = "{pid}-{start time}"

# Cc control, Cf bidi marks and other invisible ones, Cs lone surrogates, Zl and Zp line ends.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_HOST: Final = re.compile(r"[^\s:/\\]+")
_ROOT: Final = re.compile(r"(?:/|[A-Za-z]:[/\\]).*")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_SEPARATORS: Final = re.compile(r"[/\\]")
_TERMINAL: Final = re.compile(r"[0-9]{1,10}-[0-9]{1,20}(?:\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkout:
    """One working tree on one machine.

    Attributes:
        key: the first 12 hex digits of the SHA-256 of host and root, spelt one way, or '' when the checkout is unknown.
        root: the absolute git top level, its parts joined by single slashes, in Unicode NFC, without a slash at its end
            (but for `/` and `C:/`), or ''.
    """

    key: str
    root: str


UNKNOWN_CHECKOUT: Final = Checkout("", "")


def parse_checkout(text: str) -> Checkout:
    """Read `{host}:{git top level}`.

    Args:
        text: the header's value; '' or only spaces means that the checkout is unknown.

    Raises:
        InvalidInput: the text has another form, is too long, or has a control character or a `..` in it.
    """
    text = text.strip(" \t")
    if not text:
        return UNKNOWN_CHECKOUT
    host, colon, root = text.partition(":")
    if not colon or any(unicodedata.category(character) in _UNSAFE for character in text):
        raise _refusal("checkout", CHECKOUT_FORM, "has another form or a character that cannot be printed")
    if len(host.encode()) > HOST_MAX or len(root.encode()) > ROOT_MAX:
        raise _refusal(
            "checkout", CHECKOUT_FORM, f"is too long: at most {HOST_MAX} bytes of host and {ROOT_MAX} of path"
        )
    if _HOST.fullmatch(host) is None or _ROOT.fullmatch(root) is None or _has_dots(root):
        raise _refusal("checkout", CHECKOUT_FORM, "has no host, or its path is not absolute and resolved")
    root = _spelt(root)
    key = hashlib.sha256(f"{host.lower()}:{root}".encode()).hexdigest()[:HASH_LENGTH]
    return Checkout(key, root)


def parse_terminal(text: str) -> str:
    """Read `{pid}-{start time}` and return it as it is; '' or only spaces means unknown.

    Raises:
        InvalidInput: the text has another form.
    """
    text = text.strip(" \t")
    if text and _TERMINAL.fullmatch(text) is None:
        raise _refusal("terminal", TERMINAL_FORM, "must be two numbers joined by `-`")
    return text


def _spelt(root: str) -> str:
    """One spelling for one folder: a client may get it from git, from the shell or from the disk."""
    drive = _DRIVE.match(root)
    parts = _SEPARATORS.split(root[2:]) if drive else root.split("/")
    bare = unicodedata.normalize("NFC", "/".join(part for part in parts if part))
    return f"{root[0].upper()}:/{bare}" if drive else f"/{bare}"


def _has_dots(root: str) -> bool:
    return any(segment in {".", ".."} for segment in _SEPARATORS.split(root))


def _refusal(field: str, form: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"The header x-coordination-{field} {why}. Send {form}, or leave the header out.",
        details={"field": f"x-coordination-{field}", "form": form},
    )
