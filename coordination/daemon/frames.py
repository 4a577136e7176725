"""What goes over the socket between a hook and the daemon, as bytes: one request, one reply, one byte of thanks.

    request  = length, "hook/1" NUL, (name "=" value NUL)…, NUL, the hook's standard input as it came
    reply    = length, what the hook prints
    receipt  = 0x06, once the hook has printed it

A length has four bytes, big endian, and does not count itself. This module reads and writes bytes; it neither connects
nor decides. The other end is `clients/claude_code/hooks/hook.py`, which shares no code with it.
"""

import os
from collections.abc import Mapping
from typing import Final

LENGTH: Final = 4
REQUEST_MAX: Final = 8 << 20
"""Bytes of a request, without its length."""
REPLY_MAX: Final = 1 << 20
"""Bytes of a reply, without its length; a hook takes no longer one."""
RECEIPT: Final = b"\x06"
_MAGIC: Final = b"hook/1\0"


class BadFrame(ValueError):
    """What came is no request of ours; the message says why, without any of its words."""


def length_of(head: bytes) -> int:
    """Return how many bytes a request has, from its first four.

    Raises:
        BadFrame: more than a request may have.
    """
    length = int.from_bytes(head, "big")
    if length > REQUEST_MAX:
        raise BadFrame(f"a request of {length} bytes; {REQUEST_MAX} are allowed")
    return length


def read_request(request: bytes) -> tuple[Mapping[str, str], bytes]:
    """Take a request apart.

    Returns: the facts by name, and the standard input of the hook. A byte that is no text stands as a surrogate, as
        in the names of files.

    Raises:
        BadFrame: it is not made as above.
    """
    if not request.startswith(_MAGIC):
        raise BadFrame("a request that does not begin with hook/1")
    facts: dict[str, str] = {}
    position = len(_MAGIC)
    while True:
        end = request.find(b"\0", position)
        if end < 0:
            raise BadFrame("a request in which the facts do not end")
        if end == position:
            return facts, request[end + 1 :]
        name, equals, value = request[position:end].partition(b"=")
        if not equals:
            raise BadFrame("a fact without a value")
        facts[os.fsdecode(name)] = os.fsdecode(value)
        position = end + 1


def request(event: str) -> bytes:
    """Return the frame of a request of our own that says nothing but its event."""
    asked = b"%bevent=%b\0\0" % (_MAGIC, os.fsencode(event))
    return len(asked).to_bytes(LENGTH, "big") + asked


def reply(output: bytes) -> bytes:
    """Return the frame of a reply.

    Raises:
        BadFrame: it is longer than a hook takes.
    """
    if len(output) > REPLY_MAX:
        raise BadFrame(f"a reply of {len(output)} bytes; {REPLY_MAX} are allowed")
    return len(output).to_bytes(LENGTH, "big") + output
