"""Use cases on the file index of a session's checkouts: refresh it in parts, look at it, read it to plan with.

Nobody sees a refresh before it is finished. Whoever plans calls `read`.
"""

from collections.abc import Sequence

from coordination.domain.file_index import (
    CoChange,
    FileEntry,
    IndexedFile,
    IndexLines,
    IndexSummary,
    KnownFile,
    Refresh,
    file_path,
)
from coordination.services.core import Core
from coordination.store import file_index as store

MOST_CHECKOUTS = 100


async def begin(core: Core, workspace: str, session: str, checkout: str) -> Refresh:
    """Begin a refresh of a checkout's index; one that was begun before and not finished is over then.

    Raises:
        UnknownItem: there is no such session.
        RetryLater: the database cannot answer now.
    """
    return await store.begin(core.database, workspace, session, checkout)


async def add(
    core: Core,
    workspace: str,
    session: str,
    checkout: str,
    refresh: int,
    files: Sequence[FileEntry],
    removed: Sequence[str],
) -> tuple[int, int]:
    """Add files as they are, and paths of files that are gone, to a refresh; paths may be spelt in any way.

    Returns:
        How many files were added, and how many paths count as gone; of what was named twice the last counts.

    Raises:
        InvalidInput: a path cannot be that of a file.
        RefreshOver: the refresh was finished, or another one was begun.
        RetryLater: the database cannot answer now.
    """
    added = {entry.file.path: entry for entry in map(_normalised, files)}
    gone = {file_path(path, field="removed") for path in removed} - added.keys()
    await store.add(core.database, workspace, session, checkout, refresh, list(added.values()), sorted(gone))
    return len(added), len(gone)


async def finish(
    core: Core, workspace: str, session: str, checkout: str, refresh: int, files: int, commit: str, whole: str
) -> IndexSummary:
    """Let a refresh count, at once and as a whole; soon the index is prepared for whoever plans.

    Args:
        core: the shared parts.
        workspace: the tenant.
        session: the session.
        checkout: the key of the working tree, '' when it is unknown.
        refresh: the number that `begin` gave.
        files: how many files the index must then hold, so that no part is missing.
        commit: what is checked out.
        whole: the fingerprint of the index (`domain.file_index.fingerprint`).

    Raises:
        InvalidInput: it would hold another number of files; nothing changed.
        RefreshOver: the refresh was finished, or another one was begun.
        RetryLater: the database cannot answer now.
    """
    made = await store.finish(core.database, workspace, session, checkout, refresh, files, commit, whole)
    core.corpora.want(workspace, session, made)
    return made


async def known(
    core: Core, workspace: str, session: str, checkout: str, after: str, limit: int
) -> list[KnownFile]:
    """Read which files a checkout's index holds, at most `limit` whose path follows `after`, by path."""
    return await store.known(core.database, workspace, session, checkout, after, limit)


async def summaries(core: Core, workspace: str, session: str) -> list[IndexSummary]:
    """Read which checkouts of a session have an index, at most 100, the one that was refreshed last first."""
    return await store.summaries(core.database, workspace, session, MOST_CHECKOUTS)


async def read(core: Core, workspace: str, session: str, checkout: str) -> IndexLines | None:
    """Read the whole index of a checkout, of one refresh, by path.

    Args:
        core: the shared parts.
        workspace: the tenant.
        session: the session.
        checkout: the key of the working tree; for '' and one without an index, the index of the session that was
            refreshed last is read.

    Returns:
        None when the session has no index.

    Raises:
        RetryLater: the database cannot answer now, or the index was refreshed all the time.
    """
    return await store.read(core.database, workspace, session, checkout)


def _normalised(entry: FileEntry) -> FileEntry:
    file = entry.file
    imports = (file_path(path, field="imports") for path in file.imports)
    partners = (
        CoChange(file.path, file_path(found.other, field="co_changes"), found.weight)
        for found in entry.partners
    )
    # Two spellings of one file are one.
    unique = {found.other: found for found in partners}
    return FileEntry(
        IndexedFile(
            file_path(file.path, field="files"),
            tuple(dict.fromkeys(file.symbols)),
            tuple(dict.fromkeys(imports)),
        ),
        tuple(unique.values()),
        entry.digest,
    )
