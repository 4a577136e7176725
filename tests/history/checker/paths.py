"""Which leases are in each other's way: the checker's own reading of design section 6, and an index over it.

A path covers itself and everything below it. Named resources (``resource:port/5432``) are a tree of their
own that the whole tree ``.`` does not cover, and are the same thing in every checkout.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

_RESOURCE = "resource:"
_TREE = ""


class Holding(Protocol):
    """Anything that wants or has paths: a lease or a waiter."""

    @property
    def agent(self) -> str: ...
    @property
    def checkout(self) -> str: ...
    @property
    def operation(self) -> str: ...


@lru_cache(maxsize=262_144)
def chain(path: str) -> tuple[str, ...]:
    """The path and everything that covers it, innermost first; the whole tree is the empty string."""
    if path in {".", _TREE}:
        return (_TREE,)
    parts = path.split("/")
    names = tuple("/".join(parts[:length]) for length in range(len(parts), 0, -1))
    return names if path.startswith(_RESOURCE) else (*names, _TREE)


def same_place(first: str, second: str, path: str) -> bool:
    """Whether two checkouts meet on a path: equal, one unknown, or the path is no file."""
    return first == second or not first or not second or path.startswith(_RESOURCE)


def conflict(first: Holding, second: Holding, path: str) -> bool:
    """Whether two holdings whose paths overlap, one of them at ``path``, exclude each other."""
    return (
        first.agent != second.agent
        and not (first.operation == "read" == second.operation)
        and same_place(first.checkout, second.checkout, path)
    )


class PathSet:
    """The paths of one claim, ready to be compared with others."""

    __slots__ = ("closure", "names", "paths")

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(paths)
        self.names = frozenset(chain(path)[0] for path in self.paths)
        self.closure = frozenset(name for path in self.paths for name in chain(path))

    def meeting(self, other: "PathSet") -> Iterator[str]:
        """Names at which the two overlap: each is claimed by one of them and covered by the other."""
        yield from self.names & other.closure
        yield from self.closure & other.names


def at_odds(first: Holding, first_paths: PathSet, second: Holding, second_paths: PathSet) -> bool:
    """Whether two claims of several paths exclude each other anywhere."""
    if first.agent == second.agent or first.operation == "read" == second.operation:
        return False
    return any(conflict(first, second, name) for name in first_paths.meeting(second_paths))


T = TypeVar("T")


class PathIndex(Generic[T]):
    """Things on paths, found by what they overlap: a look costs the depth above and what lies below."""

    def __init__(self) -> None:
        self._at: dict[str, list[T]] = {}
        self._below: dict[str, dict[str, int]] = {}

    def add(self, path: str, thing: T) -> None:
        """Lay a thing on a path."""
        names = chain(path)
        self._at.setdefault(names[0], []).append(thing)
        for child, parent in pairwise(names):
            children = self._below.setdefault(parent, {})
            children[child] = children.get(child, 0) + 1

    def remove(self, path: str, thing: T) -> None:
        """Take a thing away again.

        Raises:
            KeyError, ValueError: it does not lie there.
        """
        names = chain(path)
        self._at[names[0]].remove(thing)
        if not self._at[names[0]]:
            del self._at[names[0]]
        for child, parent in pairwise(names):
            children = self._below[parent]
            children[child] -= 1
            if not children[child]:
                del children[child]
            if not children:
                del self._below[parent]

    def overlapping(self, path: str) -> Iterator[T]:
        """Everything on the path, above it and below it."""
        names = chain(path)
        for name in names:
            yield from self._at.get(name, ())
        open_ = list(self._below.get(names[0], ()))
        while open_:
            name = open_.pop()
            yield from self._at.get(name, ())
            open_.extend(self._below.get(name, ()))
