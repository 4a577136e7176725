"""Routes on the file index of a session's checkouts: begin a refresh, compare, add, finish; and what is there."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from coordination.domain.errors import RefreshOver
from coordination.domain.file_index import IndexSummary, Refresh
from coordination.services import file_index
from coordination.services.core import Core
from coordination.transport.rest.parameters import WORKSPACE, SessionId, Text, require_session
from coordination.wire.file_index import (
    Added,
    CheckoutKey,
    FileBatch,
    KnownFilePage,
    RefreshBegin,
    RefreshEnd,
    SessionIndexes,
)

FILES_MAX: Final = 10_000


class KnownFileQuery(BaseModel):
    """Which page of the files of which checkout."""

    model_config = ConfigDict(extra="forbid")

    checkout: CheckoutKey = ""
    after: Text | None = None
    limit: Annotated[int, Field(ge=1, le=FILES_MAX)] = FILES_MAX


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/sessions/{session}/index", summary="Which checkouts have a file index")
    async def list_indexes(session: SessionId) -> SessionIndexes:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        found = await file_index.summaries(core, WORKSPACE, session)
        if not found:
            await require_session(core, session)
        return SessionIndexes(indexes=found)

    @router.get("/sessions/{session}/index/files", summary="Which files an index knows, by path")
    async def list_files(session: SessionId, query: Annotated[KnownFileQuery, Query()]) -> KnownFilePage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        found = await file_index.known(
            core, WORKSPACE, session, query.checkout, query.after or "", query.limit + 1
        )
        if not found:
            await require_session(core, session)
        page = found[: query.limit]
        return KnownFilePage(files=page, next_cursor=page[-1].path if len(found) > query.limit else None)

    @router.post("/sessions/{session}/index/begin", summary="Begin to refresh an index")
    async def begin(session: SessionId, wanted: RefreshBegin) -> Refresh:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        return await file_index.begin(core, WORKSPACE, session, wanted.checkout)

    @router.post("/sessions/{session}/index/files", summary="Add to a refresh what changed")
    async def add(session: SessionId, batch: FileBatch) -> Added:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        entries = [facts.as_entry() for facts in batch.files]
        async with _known(core, session):
            files, removed = await file_index.add(
                core, WORKSPACE, session, batch.checkout, batch.refresh, entries, batch.removed
            )
        return Added(files=files, removed=removed)

    @router.post("/sessions/{session}/index/finish", summary="Let a refresh count, as a whole")
    async def finish(session: SessionId, end: RefreshEnd) -> IndexSummary:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        async with _known(core, session):
            return await file_index.finish(
                core, WORKSPACE, session, end.checkout, end.refresh, end.files, end.commit, end.fingerprint
            )


@asynccontextmanager
async def _known(core: Core, session: str) -> AsyncGenerator[None]:
    """Of a session that does not exist say so, and not that a refresh of it is over."""
    try:
        yield
    except RefreshOver:
        await require_session(core, session)
        raise
