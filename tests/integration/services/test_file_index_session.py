"""Use cases on file indexes and the sessions that they belong to: one that is not there, another's, one that goes."""

from __future__ import annotations

import pytest

from coordination.domain.errors import RefreshOver, UnknownItem
from coordination.domain.file_index import IndexLines
from coordination.services import agent as agents
from coordination.services import file_index
from coordination.services.core import Core
from coordination.store.database import Database
from tests.integration.services.indexes import FIRST, HERE, read, refresh
from tests.integration.store.steps import agent, kinds


@pytest.fixture(autouse=True)
async def session(core: Core) -> None:
    await agents.join(core, agent("planner"))


async def test_a_session_that_is_not_there_has_no_index(core: Core) -> None:
    with pytest.raises(UnknownItem):
        await file_index.begin(core, "local", "nowhere", HERE)
    with pytest.raises(UnknownItem):
        await file_index.begin(core, "team", "demo", HERE)
    with pytest.raises(RefreshOver):
        await file_index.add(core, "local", "nowhere", HERE, 1, [], [])
    assert await file_index.read(core, "local", "nowhere", HERE) is None


async def test_a_person_begins_a_session_that_is_not_there(core: Core, database: Database) -> None:
    for begun in (1, 2):
        refresh = await file_index.begin(core, "local", "early", HERE, by="bob")
        assert refresh.refresh == begun
    assert await kinds(database, "early") == ["session.created"]
    await agents.join(core, agent("planner", session="early"))
    assert await kinds(database, "early") == ["session.created", "agent.joined"]
    (found,) = await database.fetch("SELECT user_id FROM claude_code_sessions WHERE id = 'early'")
    assert found["user_id"] == "bob"


async def test_a_session_that_nobody_can_join_is_begun_by_nobody(core: Core) -> None:
    with pytest.raises(UnknownItem):
        await file_index.begin(core, "local", "a__b", HERE, by="bob")


async def test_workspaces_are_apart(core: Core, database: Database) -> None:
    await refresh(core, FIRST)
    await database.fetch(
        "INSERT INTO claude_code_sessions (workspace_id, id, name, user_id) VALUES ('team', 'demo', 'x', 'x')"
    )
    assert await file_index.read(core, "team", "demo", HERE) is None
    with pytest.raises(RefreshOver):
        await file_index.add(core, "team", "demo", HERE, 1, [], [])
    begun = await file_index.begin(core, "team", "demo", HERE)
    await file_index.finish(core, "team", "demo", HERE, begun.refresh, 0, "", "0")
    assert await file_index.read(core, "team", "demo", HERE) == IndexLines()
    assert await read(core) == FIRST


async def test_a_deleted_session_leaves_no_index(core: Core, database: Database) -> None:
    await refresh(core, FIRST)
    await database.fetch("DELETE FROM claude_code_sessions WHERE id = 'demo'")
    rows = await database.fetch(
        "SELECT (SELECT count(*) FROM file_indexes) + (SELECT count(*) FROM indexed_files)"
    )
    assert rows[0][0] == 0
