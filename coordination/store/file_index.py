"""Statements on file indexes: refreshing one, and reading what it holds.

A refresh writes beside what counts and takes its place when it is finished, so whoever reads gets the one or the other.
Large indexes are read in parts; that all of them are of one refresh is checked and not locked.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from coordination.domain.errors import InvalidInput
from coordination.domain.file_index import (
    MAX_FILES,
    MOST_NAMES,
    FileEntry,
    IndexLines,
    IndexSummary,
    KnownFile,
    Refresh,
    number_of_lines,
)
from coordination.store.database import Database, Row, retry_later

BEGIN: Final = "SELECT coordination_begin_index($1, $2, $3)"
ADD: Final = "SELECT to_jsonb(coordination_add_to_index($1, $2, $3, $4::bigint, $5::jsonb, $6::text[])::text)"
FINISH: Final = "SELECT coordination_finish_index($1, $2, $3, $4::bigint, $5::int, $6::int, $7, $8)"
KNOWN: Final = """
    SELECT f.path, f.digest
    FROM file_indexes i
    JOIN indexed_files f ON f.workspace_id = i.workspace_id AND f.session_id = i.session_id AND f.checkout = i.checkout
        AND f.refresh <= i.finished
    WHERE i.workspace_id = $1 AND i.session_id = $2 AND i.checkout = $3 AND f.path > $4
    ORDER BY f.path LIMIT $5
"""
# None begins before '', the unknown checkout.
PAGE: Final = """
    SELECT checkout, file_count AS files, with_symbols, commit_id AS commit, refreshed_at
    FROM file_indexes
    WHERE workspace_id = $1 AND session_id = $2 AND refreshed_at IS NOT NULL AND ($3::text IS NULL OR checkout > $3)
    ORDER BY checkout LIMIT $4
"""
# The checkout that was asked for, else the one that was refreshed last.
CHOSEN: Final = """
    SELECT checkout, file_count AS files, with_symbols, commit_id AS commit, refreshed_at, finished
    FROM file_indexes
    WHERE workspace_id = $1 AND session_id = $2 AND refreshed_at IS NOT NULL
    ORDER BY checkout = $3 AND checkout <> '' DESC, refreshed_at DESC, checkout LIMIT 1
"""
# Lists travel as lines, which a name cannot break: a tenth of what it takes to read arrays of them.
READ: Final = """
    SELECT f.path, array_to_string(f.symbols, E'\\n') AS symbols, array_to_string(f.imports, E'\\n') AS imports,
           array_to_string(f.partners, E'\\n') AS partners, array_to_string(f.weights, E'\\n') AS weights
    FROM indexed_files f
    WHERE f.workspace_id = $1 AND f.session_id = $2 AND f.checkout = $3 AND f.refresh <= $4 AND f.path > $5
    ORDER BY f.path LIMIT $6
"""
PART: Final = 2_000
"""Files that are read at once; to unpack what they have keeps every other call waiting."""
_ATTEMPTS: Final = 3
_BEGUN: Final = TypeAdapter(Refresh)
_SUMMARIES: Final = TypeAdapter(list[IndexSummary])


async def begin(database: Database, workspace: str, session: str, checkout: str) -> Refresh:
    """Begin a refresh, which ends every other one of this checkout.

    Raises:
        UnknownItem: there is no such session.
        RetryLater: the database cannot answer now.
    """
    return _BEGUN.validate_json(await database.fetch_json(BEGIN, workspace, session, checkout))


async def add(
    database: Database,
    workspace: str,
    session: str,
    checkout: str,
    refresh: int,
    files: Sequence[FileEntry],
    removed: Sequence[str],
) -> None:
    """Add files as they are, and paths that are gone, to a refresh.

    Raises:
        RefreshOver: it was finished, or another one was begun.
        RetryLater: the database cannot answer now.
    """
    rows = orjson.dumps([_row(entry) for entry in files]).decode()
    await database.fetch_json(ADD, workspace, session, checkout, refresh, rows, list(removed))


async def finish(
    database: Database,
    workspace: str,
    session: str,
    checkout: str,
    refresh: int,
    files: int,
    commit: str,
    whole: str,
) -> IndexSummary:
    """Let a refresh count, if the index then holds so many `files`; `whole` is its fingerprint.

    Raises:
        RefreshOver: it was finished, or another one was begun.
        InvalidInput: the index would hold another number of files; nothing changed.
        RetryLater: the database cannot answer now.
    """
    answer = await database.fetch_json(
        FINISH, workspace, session, checkout, refresh, files, MAX_FILES, commit, whole
    )
    made: dict[str, Any] = orjson.loads(answer)
    return TypeAdapter(IndexSummary).validate_python({"checkout": checkout, "commit": commit, **made})


async def known(
    database: Database, workspace: str, session: str, checkout: str, after: str, limit: int
) -> list[KnownFile]:
    """Read which files the index of a checkout holds, those whose path follows `after`, by path."""
    rows = await database.fetch(KNOWN, workspace, session, checkout, after, limit)
    return [KnownFile(row["path"], row["digest"]) for row in rows]


async def page(
    database: Database, workspace: str, session: str, after: str | None, limit: int
) -> list[IndexSummary]:
    """Read which checkouts of a session have an index, those whose key follows `after`, by key."""
    rows = await database.fetch(PAGE, workspace, session, after, limit)
    return _SUMMARIES.validate_python([dict(row) for row in rows])


async def chosen(database: Database, workspace: str, session: str, checkout: str) -> IndexSummary | None:
    """Read what the index is that `read` returns; None when there is none."""
    rows = await database.fetch(CHOSEN, workspace, session, checkout)
    found = _SUMMARIES.validate_python([_summary(row) for row in rows])
    return found[0] if found else None


async def read(database: Database, workspace: str, session: str, checkout: str) -> IndexLines | None:
    """Read the index of a checkout, of an unknown one that which was refreshed last; None when there is none.

    Raises:
        InvalidInput: it has more names than anybody can plan with.
        RetryLater: the database cannot answer now, or the index was refreshed all the time.
    """
    for _ in range(_ATTEMPTS):
        chosen = await database.fetch(CHOSEN, workspace, session, checkout)
        if not chosen:
            return None
        rows = await _rows(database, workspace, session, chosen[0]["checkout"], chosen[0]["finished"])
        # Rows of a refresh that came in between would not be those of the others.
        if (await database.fetch(CHOSEN, workspace, session, chosen[0]["checkout"]))[:1] == chosen:
            return IndexLines(*zip(*rows, strict=True)) if rows else IndexLines()
    raise retry_later("the file index is refreshed all the time")


async def _rows(database: Database, workspace: str, session: str, checkout: str, finished: int) -> list[Row]:
    rows: list[Row] = []
    names = 0
    while True:
        after = rows[-1]["path"] if rows else ""
        part = await database.fetch(READ, workspace, session, checkout, finished, after, PART)
        rows += part
        names += sum(number_of_lines(row["symbols"]) + number_of_lines(row["imports"]) for row in part)
        if names > MOST_NAMES:
            raise InvalidInput(
                f"The file index has more than {MOST_NAMES:,} symbols and imports, too many to plan with. Run"
                " `coord index` in a checkout of the part that is worked on, such as a sparse one."
            )
        if len(part) < PART:
            return rows


def _row(entry: FileEntry) -> dict[str, object]:
    return {
        "path": entry.file.path,
        "digest": entry.digest,
        "symbols": entry.file.symbols,
        "imports": entry.file.imports,
        "partners": [found.other for found in entry.partners],
        "weights": [found.weight for found in entry.partners],
    }


def _summary(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "finished"}
