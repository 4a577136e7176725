"""Routes on the file index of a session's checkouts: begin a refresh, compare, add, finish; and what is there."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from coordination.domain.errors import RefreshOver
from coordination.domain.file_index import IndexSummary, Refresh
from coordination.services import file_index
from coordination.services.core import Core
from coordination.transport.rest.description import REFRESH
from coordination.transport.rest.parameters import (
    AnySession,
    PageQuery,
    Text,
    of_known_session,
    require_session,
)
from coordination.wire.file_index import (
    Added,
    CheckoutKey,
    FileBatch,
    IndexPage,
    KnownFilePage,
    RefreshBegin,
    RefreshEnd,
)

FILES_MAX: Final = 10_000


class IndexQuery(PageQuery):
    """Which page of the indexes; the key of the unknown checkout is empty, and the first."""

    after: Annotated[CheckoutKey | None, Field(description="The `next_cursor` of the page before.")] = None


class KnownFileQuery(BaseModel):
    """Which page of the files of which checkout."""

    model_config = ConfigDict(extra="forbid")

    checkout: Annotated[
        CheckoutKey,
        Field(description="The key of the checkout, 12 hexadecimal digits; empty is the unknown one."),
    ] = ""
    after: Annotated[Text | None, Field(description="The `next_cursor` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=FILES_MAX, description="Most files on the page.")] = FILES_MAX


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/sessions/{session}/index", summary="Which checkouts have a file index")
    async def list_indexes(session: AnySession, query: Annotated[IndexQuery, Query()]) -> IndexPage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """By the key of the checkout."""
        found = await file_index.list_indexes(
            core, session.workspace, session.id, query.after, query.limit + 1
        )
        if not found:
            await require_session(core, session)
        page = found[: query.limit]
        return IndexPage(indexes=page, next_cursor=page[-1].checkout if len(found) > query.limit else None)

    @router.get("/sessions/{session}/index/files", summary="Which files an index knows, by path")
    async def list_files(session: AnySession, query: Annotated[KnownFileQuery, Query()]) -> KnownFilePage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Each with a digest of what is known of it, so that a refresh sends only what differs."""
        found = await file_index.known(
            core, session.workspace, session.id, query.checkout, query.after or "", query.limit + 1
        )
        if not found:
            await require_session(core, session)
        page = found[: query.limit]
        return KnownFilePage(files=page, next_cursor=page[-1].path if len(found) > query.limit else None)

    @router.post("/sessions/{session}/index/begin", summary="Begin to refresh an index")
    async def begin_index(session: AnySession, wanted: RefreshBegin) -> Refresh:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """A refresh of the same checkout that was not finished is over then, and what it added is gone."""
        by = None if wanted.by is None else session.person(wanted.by)
        return await file_index.begin(core, session.workspace, session.id, wanted.checkout, by=by)

    @router.post(
        "/sessions/{session}/index/files", summary="Add to a refresh what changed", responses=REFRESH
    )
    async def add_to_index(session: AnySession, batch: FileBatch) -> Added:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """What is not named stays as it is. It may be repeated; nobody sees it before the refresh is finished."""
        entries = [facts.as_entry() for facts in batch.files]
        async with of_known_session(core, session, RefreshOver):
            files, removed = await file_index.add(
                core, session.workspace, session.id, batch.checkout, batch.refresh, entries, batch.removed
            )
        return Added(files=files, removed=removed)

    @router.post(
        "/sessions/{session}/index/finish", summary="Let a refresh count, as a whole", responses=REFRESH
    )
    async def finish_index(session: AnySession, end: RefreshEnd) -> IndexSummary:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """When the index does not hold as many files then as you say, nothing changes: a part is missing."""
        async with of_known_session(core, session, RefreshOver):
            return await file_index.finish(
                core,
                session.workspace,
                session.id,
                end.checkout,
                end.refresh,
                end.files,
                end.commit,
                end.fingerprint,
            )
