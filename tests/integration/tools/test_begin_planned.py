"""Which planned task may begin: whatever became of the plans before, no two agents are at tasks that share a file."""

import pytest

from coordination.store.database import Database
from tests.integration.tools.endpoint import Endpoint
from tests.integration.tools.planning import distributed, task


@pytest.mark.parametrize("end", ["failed", "completed"])
async def test_what_is_taken_up_again_waits_for_who_is_at_its_files_now(mcp: Endpoint, end: str) -> None:
    await distributed(mcp, task("a", "src/x.py"), task("b", "b.py"))
    for status in ("started", end):
        await mcp.sync("impl_a", task_id="a", status=status)
    await distributed(mcp, task("new", "SRC"), task("c", "c.py"))
    await mcp.sync("impl_b", task_id="new", status="started")
    refused = await mcp.sync("impl_a", task_id="a", status="started")
    assert refused.content["code"] == "task_waits"
    assert '"a" waits for "new" (started, alice/impl_b)' in refused.content["message"]
    await mcp.sync("impl_b", task_id="new", status="completed")
    again = await mcp.sync("impl_a", task_id="a", status="started")
    assert again.content["task"] == {"task_id": "a", "status": "started"}


async def test_what_was_blocked_goes_on_when_what_it_is_planned_after_now_is_done(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "x.py"), task("b", "b.py"))
    await mcp.sync("impl_a", task_id="a", status="blocked")
    await distributed(mcp, task("first", "y.py"), task("a", "x.py", after=("first",)), task("c", "c.py"))
    for status in ("in_progress", "started"):
        refused = await mcp.sync("impl_a", task_id="a", status=status)
        assert '"a" waits for "first"' in refused.content["message"]
    for status in ("started", "completed"):
        await mcp.sync("impl_b", task_id="first", status=status)
    begun = await mcp.sync("impl_a", task_id="a", status="in_progress")
    assert begun.content["task"] == {"task_id": "a", "status": "in_progress"}


async def test_who_is_at_a_task_goes_on_with_it_whatever_a_new_plan_says(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "x.py"), task("b", "b.py"))
    await mcp.sync("impl_a", task_id="a", status="started")
    await distributed(mcp, task("first", "y.py"), task("a", "x.py", after=("first",)), task("c", "c.py"))
    goes_on = await mcp.sync("impl_a", task_id="a", status="in_progress", progress_percentage=50)
    assert goes_on.content["task"]["status"] == "in_progress"


async def test_an_agent_that_is_gone_holds_up_nobody_who_plans_with_its_files(
    mcp: Endpoint, database: Database
) -> None:
    await distributed(mcp, task("a", "x.py"), task("b", "b.py"))
    for status in ("started", "failed"):
        await mcp.sync("impl_a", task_id="a", status=status)
    await distributed(mcp, task("new", "x.py"), task("c", "c.py"))
    await mcp.sync("impl_b", task_id="new", status="started")
    await database.fetch(
        "UPDATE claude_code_agents SET last_activity = now() - interval '1 hour' WHERE name = 'impl_b'"
    )
    again = await mcp.sync("impl_a", task_id="a", status="started")
    assert again.content["task"] == {"task_id": "a", "status": "started"}


async def test_who_is_at_the_same_files_elsewhere_is_in_nobodys_way(
    mcp: Endpoint, database: Database
) -> None:
    await distributed(mcp, task("a", "x.py"), task("b", "b.py"))
    await mcp.sync("impl_b")
    for columns in ("'team', session_id", "workspace_id, 'other'"):
        await database.fetch(
            f"""
            INSERT INTO claude_code_agents (workspace_id, session_id, id, user_id, name, role, status, last_activity)
            SELECT {columns}, id, user_id, name, role, status, last_activity FROM claude_code_agents
            WHERE (workspace_id, session_id) = ('local', 'demo')
            """  # noqa: S608 - the columns above
        )
        await database.fetch(
            f"""
            INSERT INTO tasks (workspace_id, session_id, id, status, agent_id, files)
            SELECT {columns}, 'b', 'started', 'alice/impl_b', files FROM tasks WHERE id = 'a'
            """  # noqa: S608 - the columns above
        )
    begun = await mcp.sync("impl_a", task_id="a", status="started")
    assert begun.content["task"] == {"task_id": "a", "status": "started"}


async def test_what_a_plan_foresees_for_a_kept_task_counts_in_the_plans_after_it(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"))
    await mcp.sync("impl_b", task_id="b", status="started")
    await distributed(mcp, task("b", "s.py"), task("c", "c.py"))
    answer = await distributed(mcp, task("q", "s.py"), task("r", "b.py"), task("d", "d.py"))
    assert {one["id"]: one.get("waits_for") for one in answer.content["tasks"]} == {
        "q": ["b"],
        "r": ["b"],
        "d": None,
    }


async def test_each_task_of_a_plan_has_its_place_in_it_though_some_were_begun_before(
    mcp: Endpoint, database: Database
) -> None:
    await distributed(mcp, *(task(id_, f"{id_}.py") for id_ in "abc"))
    await mcp.sync("impl_a", task_id="a", status="started")
    await distributed(mcp, *(task(id_, f"{id_}.py") for id_ in "zyxa"))
    rows = await database.fetch("SELECT position FROM tasks WHERE plan_revision = 2 ORDER BY position")
    places = [row["position"] for row in rows]
    assert places == list(range(places[0], places[0] + 4))


async def test_whose_tasks_were_replaced_is_told_and_cannot_begin_them(mcp: Endpoint) -> None:
    await distributed(mcp, *(task(id_, f"{id_}.py") for id_ in "abk"), preferred_agent_count=3)
    for agent in ("impl_a", "impl_b", "impl_c"):
        await mcp.sync(agent)
    await distributed(mcp, task("new", "a.py"), task("c", "c.py"), preferred_agent_count=2)
    told = await mcp.sync("impl_c")
    assert [news["kind"] for news in told.content["news"]] == ["plan.distributed"]
    refused = await mcp.sync("impl_c", task_id="a", status="started")
    assert refused.content["code"] == "invalid_input"
    assert '"a" was replaced by a later plan' in refused.content["message"]
    own = await mcp.sync("impl_c", task_id="something else", status="started")
    assert not own.is_error
