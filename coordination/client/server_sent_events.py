"""Reading Server-Sent Events: bytes as they come become blocks, with their comments.

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html. Libraries leave comments out, and here
they count: they tell a quiet stream from a dead one and say why it ends. What a block means is not known here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")


@dataclass(slots=True)
class Block:
    """What stands between two empty lines.

    Attributes:
        name: what its line `event` says; None when it has none.
        data: its lines of data, joined by line feeds; None when it has none, so it is no event.
        id: the last id in it; None when it has none.
        comments: its comments, in order.
    """

    name: str | None = None
    data: str | None = None
    id: str | None = None
    comments: list[str] = field(default_factory=list[str])

    def take(self, line: str) -> None:
        """Take one line that is not empty."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name:
            self.comments.append(value)
        elif name == "data":
            self.data = value if self.data is None else f"{self.data}\n{value}"
        elif name == "id":
            self.id = value
        elif name == "event":
            self.name = value


class Blocks:
    """Reads one stream, chunk by chunk."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._after_return = False
        self._block = Block()
        self._begun = False

    def take(self, chunk: bytes) -> Iterator[Block]:
        """Yield each block that a chunk makes whole; all of them have to be taken before the next chunk."""
        for line in self._lines(chunk):
            if line:
                self._block.take(line.decode(errors="replace"))
                self._begun = True
            elif self._begun:
                whole, self._block, self._begun = self._block, Block(), False
                yield whole

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        """Yield each whole line without its end. Only the three ends of the format part lines, nothing else does."""
        if not chunk:
            return
        # A pair of carriage return and line feed is one end, also where it came in two chunks.
        found = chunk[1:] if self._after_return and chunk.startswith(b"\n") else chunk
        self._after_return = chunk.endswith(b"\r")
        first, *rest = _LINE_END.split(found)
        self._parts.append(first)
        for piece in rest:
            whole, self._parts = b"".join(self._parts), [piece]
            yield whole


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Yield each whole block of a stream; one that the end cuts off counts for nothing."""
    reader = Blocks()
    for chunk in chunks:
        yield from reader.take(chunk)
