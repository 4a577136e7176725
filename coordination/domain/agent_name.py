"""Under which names terminals and subagents that nobody named try to join a session, in which order.

Names are parts of a virtual user id (`domain.virtual_user`). Whether one is free is not decided here.
"""

import re
from collections.abc import Iterator
from itertools import chain, count, product
from string import ascii_lowercase
from typing import Final

from coordination.domain.virtual_user import PART_MAX, is_part

MOST_NAMES: Final = 200
"""How many names a terminal tries."""
_STEM: Final = "impl_"
_TYPE_MAX: Final = 24
_NO_TYPE: Final = "subagent"
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9._@+-]+|_{2,}")
_NO_LETTERS: Final = re.compile(r"[^a-z0-9]+")


def terminal_names() -> Iterator[str]:
    """Yield the names for a terminal: impl_a to impl_z, impl_aa and so on."""
    letters = chain.from_iterable(product(ascii_lowercase, repeat=length) for length in (1, 2))
    yield from (_STEM + "".join(some) for some, _ in zip(letters, range(MOST_NAMES), strict=False))


def subagent_names(parent: str, kind: str) -> Iterator[str]:
    """Yield the names for a subagent, without end: `impl_a.explore-1`, `impl_a.explore-2` and so on.

    A parent's name that leaves no room is cut.

    Args:
        parent: the name of the terminal's own agent.
        kind: the subagent's type, as Claude Code says it; any text.
    """
    cleaned = _NO_LETTERS.sub("-", kind.lower()).strip("-")[:_TYPE_MAX].strip("-") or _NO_TYPE
    for number in count(1):
        ending = f".{cleaned}-{number}"
        yield parent[: PART_MAX - len(ending)] + ending


def as_part(text: str, otherwise: str) -> str:
    """Return a text as the name of a user, a session or an agent; `otherwise` when nothing of it can be one."""
    if is_part(text):
        return text
    return _FOREIGN.sub("-", text).strip("-_")[:PART_MAX].strip("-_") or otherwise
