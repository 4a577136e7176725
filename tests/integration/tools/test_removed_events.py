"""What agents are told of events that are not kept any more: with a sync, and in the resource."""

from __future__ import annotations

from coordination.store import retention
from coordination.store.database import Database
from tests.integration.services.past import KEPT, pass_days
from tests.integration.tools.endpoint import Endpoint
from tests.integration.tools.reading import Client


async def forget(database: Database, up_to: int) -> None:
    """Let the events up to a number be past their time, and go."""
    await pass_days(database, 31, up_to=up_to)
    step = await retention.sweep(database, "local", "demo", KEPT, 0)
    assert step is not None
    assert step.up_to == up_to


async def test_an_agent_is_warned_once_that_messages_may_be_gone(mcp: Endpoint, database: Database) -> None:
    await mcp.sync("impl_a")
    await mcp.sync("impl_b", message="one", to=["impl_a"])
    await mcp.sync("impl_b", message="two", to=["impl_a"])
    await forget(database, 4)
    told = await mcp.sync("impl_a")
    assert [item["message"]["untrusted_text"] for item in told.content["news"]] == ["two"]
    assert "up to number 4 are not kept any more" in told.content["warnings"][0]
    assert told.content["warnings"][0] in told.text
    assert "warnings" not in (await mcp.sync("impl_a")).content


async def test_the_resource_counts_what_is_kept_and_says_what_is_not(
    mcp: Endpoint, database: Database
) -> None:
    one = Client(mcp, "modern")
    for number in range(5):
        await mcp.sync("impl_b", message=f"{number}", to=["impl_b"])
    assert "removed_up_to" not in await one.content("coordination://events")
    await forget(database, 4)
    found = await one.content("coordination://events")
    assert [entry["seq"] for entry in found["events"]] == [5, 6, 7, 8]
    assert (found["removed_up_to"], found["earlier"], found["cursor"]) == (4, 0, 8)
    assert "previous" not in found
    gone = await one.content("coordination://events?after=..3")
    assert (gone["events"], gone["removed_up_to"]) == ([], 4)
