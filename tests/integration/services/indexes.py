"""Steps on file indexes: two of them, and how one is refreshed and read."""

from __future__ import annotations

from coordination.domain import file_index as domain
from coordination.services import file_index
from coordination.services.core import Core

HERE, THERE = "a" * 12, "b" * 12
FIRST = domain.FileIndex(
    (
        domain.IndexedFile("a.py", ("run", "Item"), ("b.py",)),
        domain.IndexedFile("b.py"),
        domain.IndexedFile("ü [x]/page?.tsx", ("Page",)),
    ),
    (
        domain.CoChange("a.py", "b.py", 0.5),
        domain.CoChange("a.py", "gone.py", 0.25),
        domain.CoChange("b.py", "a.py", 1.0),
    ),
)
SECOND = domain.FileIndex(
    (domain.IndexedFile("a.py", ("walk",)), domain.IndexedFile("c.py", ("new",), ("a.py",)))
)
LOCAL = ("local", "demo")


async def add(
    core: Core,
    begun: domain.Refresh,
    *files: domain.FileEntry,
    removed: tuple[str, ...] = (),
    checkout: str = HERE,
) -> None:
    await file_index.add(core, *LOCAL, checkout, begun.refresh, files, removed)


async def finish(core: Core, begun: domain.Refresh, index: domain.FileIndex, checkout: str = HERE) -> None:
    known = [domain.KnownFile(entry.file.path, entry.digest) for entry in domain.entries(index)]
    await file_index.finish(
        core, *LOCAL, checkout, begun.refresh, len(known), "c0ffee", domain.fingerprint(known)
    )


async def refresh(
    core: Core, index: domain.FileIndex, checkout: str = HERE, removed: tuple[str, ...] = ()
) -> domain.Refresh:
    begun = await file_index.begin(core, *LOCAL, checkout)
    await add(core, begun, *domain.entries(index), removed=removed, checkout=checkout)
    await finish(core, begun, index, checkout)
    return begun


async def read(core: Core, checkout: str = HERE) -> domain.FileIndex | None:
    found = await file_index.read(core, *LOCAL, checkout)
    return None if found is None else found.whole()


async def summaries(core: Core) -> list[domain.IndexSummary]:
    return await file_index.list_indexes(core, *LOCAL, None, 10)
