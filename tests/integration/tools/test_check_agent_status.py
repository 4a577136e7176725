"""check_agent_status as an agent meets it: who is here, in answers that stay small, page by page."""

import asyncio

import pytest

from coordination.store.database import Database
from tests.integration.tools.endpoint import Endpoint

LONGEST = 64


async def fall_silent(database: Database, agent: str, seconds: int) -> None:
    rows = await database.fetch(
        """UPDATE claude_code_agents SET last_activity = clock_timestamp() - make_interval(secs => $2)
           WHERE id = $1 RETURNING 1""",
        agent,
        seconds,
    )
    assert rows


async def test_who_calls_is_there_from_its_first_call_on(mcp: Endpoint) -> None:
    answer = await mcp.status("impl_a")
    (me,) = answer.content["agents"]
    assert me == {
        "agent": "alice/impl_a",
        "presence": "active",
        "role": "implementer",
        "quiet_seconds": me["quiet_seconds"],
        "you": True,
    }
    assert answer.content["totals"]["agents"] == 1
    assert "1 of 1 agent(s) on this page active" in answer.text


@pytest.mark.parametrize(
    ("seconds", "presence"),
    [(0, "active"), (119, "active"), (122, "recent"), (598, "recent"), (601, "inactive")],
)
async def test_presence_follows_the_last_call(
    quiet: Endpoint, database: Database, seconds: int, presence: str
) -> None:
    await quiet.sync("impl_b")
    await fall_silent(database, "alice/impl_b", seconds)
    seen = await quiet.status("impl_a", include_inactive=True)
    assert {found["agent"]: found["presence"] for found in seen.content["agents"]}["alice/impl_b"] == presence
    listed = [found["agent"] for found in (await quiet.status("impl_a")).content["agents"]]
    assert ("alice/impl_b" in listed) is (presence != "inactive")


async def test_an_inactive_agent_that_holds_locks_is_shown(quiet: Endpoint, database: Database) -> None:
    await quiet.claim("impl_b", "src/a.py", "src/b.py", "src/c.py", "src/d.py")
    await fall_silent(database, "alice/impl_b", 4000)
    seen = {found["agent"]: found for found in (await quiet.status("impl_a")).content["agents"]}
    assert seen["alice/impl_b"]["presence"] == "inactive"
    assert seen["alice/impl_b"]["locks"] == ["src/a.py", "src/b.py", "src/c.py"]
    assert seen["alice/impl_b"]["lock_count"] == 4


async def test_tasks_messages_waits_and_overlaps_are_shown(mcp: Endpoint) -> None:
    await mcp.sync(
        "impl_a", task_id="t1", status="in_progress", progress_percentage=30, message="half \x07done"
    )
    await mcp.claim("impl_a", "a.py")
    await mcp.claim("impl_b", "a.py", wait_seconds=1)
    there = {"x-coordination-checkout": "host:/there"}
    elsewhere = {"x-coordination-checkout": "host:/elsewhere"}
    await mcp.call("impl_c", "claim_file_lock", {"file_paths": ["c.py"]}, **there)
    await mcp.call("impl_d", "claim_file_lock", {"file_paths": ["c.py"]}, **elsewhere)
    answer = await mcp.status("planner")
    seen = {found["agent"]: found for found in answer.content["agents"]}
    assert (
        seen["alice/impl_a"]["task_id"],
        seen["alice/impl_a"]["status"],
        seen["alice/impl_a"]["progress"],
    ) == (
        *("t1", "in_progress"),
        30,
    )
    assert seen["alice/impl_a"]["message"] == {"author": "alice/impl_a", "untrusted_text": "half done"}
    assert seen["alice/impl_b"]["waiting_for"] == ["a.py"]
    assert "alice/impl_b waits for alice/impl_a" in answer.content["conflicts"]
    assert any("c.py" in text and "different checkouts" in text for text in answer.content["conflicts"])
    assert answer.content["totals"]["waiting"] == 1
    assert answer.content["totals"]["tasks"] == {"in_progress": 1}
    assert "Waits: alice/impl_b waits for alice/impl_a" in answer.text


async def test_a_task_that_was_taken_over_is_shown_with_its_present_holder_only(
    quiet: Endpoint, database: Database
) -> None:
    await quiet.sync("impl_a", task_id="t1", status="started")
    await fall_silent(database, "alice/impl_a", 700)
    await quiet.sync("impl_b", task_id="t1", status="started")
    seen = await quiet.status("planner", include_inactive=True)
    assert {found["agent"]: found.get("task_id") for found in seen.content["agents"]} == {
        "alice/impl_a": None,
        "alice/impl_b": "t1",
        "alice/planner": None,
    }


async def test_one_agent_is_found_by_name_and_by_id(mcp: Endpoint) -> None:
    for who in ("impl_a", "impl_b"):
        await mcp.sync(who)
    for text in ("impl_b", "alice/impl_b"):
        answer = await mcp.call("impl_a", "check_agent_status", {"agent": text})
        assert [found["agent"] for found in answer.content["agents"]] == ["alice/impl_b"]
    unknown = await mcp.call("impl_a", "check_agent_status", {"agent": "impl_z"})
    assert unknown.content["code"] == "not_found"
    assert 'no agent "impl_z"' in unknown.content["message"]


async def everybody(mcp: Endpoint, **arguments: object) -> tuple[list[str], list[int]]:
    """Follow the cursor to the end; return every agent that was shown and how many each page had."""
    shown: list[str] = []
    pages: list[int] = []
    cursor = ""
    while cursor or not pages:
        answer = await mcp.status("planner", cursor=cursor, **arguments)
        assert answer.size < 4096
        shown += [found["agent"] for found in answer.content["agents"]]
        pages.append(len(answer.content["agents"]))
        cursor = answer.content.get("next_cursor", "")
        if cursor:
            assert f'cursor="{cursor}"' in answer.content["next_call"]
            assert ("include_inactive=true" in answer.content["next_call"]) is (
                "include_inactive" in arguments
            )
    return shown, pages


async def test_twenty_agents_at_work_fit_into_one_answer_of_four_kilobytes(mcp: Endpoint) -> None:
    for number in range(19):
        await mcp.sync(f"impl_{number:02}", task_id=f"t{number}", status="started")
        await mcp.claim(f"impl_{number:02}", f"src/{number}.py")
    shown, pages = await everybody(mcp)
    assert pages == [20]
    assert len(set(shown)) == 20


async def test_fifty_agents_come_page_by_page_without_loss_or_repetition(
    mcp: Endpoint, database: Database
) -> None:
    names = [f"impl_{number:02}" for number in range(49)]
    for name in names:
        await mcp.sync(name, task_id=f"task of {name}", status="started", message="busy with something " * 20)
        await mcp.claim(name, f"src/{'deep/' * 40}{name}.py", "shared", operation="read")
    await fall_silent(database, "alice/impl_07", 4000)
    shown, pages = await everybody(mcp)
    assert shown == sorted({"alice/planner", *(f"alice/{name}" for name in names)})
    assert len(pages) > 2
    await mcp.claim("impl_07", action="release")
    await mcp.core.presence.flush()
    await fall_silent(database, "alice/impl_07", 4000)
    assert len((await everybody(mcp))[0]) == 49
    assert len((await everybody(mcp, include_inactive=True))[0]) == 50


async def test_the_longest_names_and_paths_still_fit(mcp: Endpoint) -> None:
    user = "u" * LONGEST
    agents = [f"{user}__session__{'s' * LONGEST}__{number:02}{'n' * (LONGEST - 2)}" for number in range(22)]
    path = "/".join(["p" * 100] * 10)
    for agent in agents:
        await mcp.sync(
            agent, task_id="t" + agent[-60:] + agent[-66:-60], status="blocked", message="長" * 1000
        )
        await mcp.claim(agent, f"{path}/{agent[-LONGEST:]}")
    await mcp.claim(agents[0], "hot")
    await asyncio.gather(*(mcp.claim(agent, "hot", wait_seconds=1) for agent in agents[1:8]))
    cursor, shown = "", list[str]()
    while cursor or not shown:
        answer = await mcp.status(agents[0], cursor=cursor)
        assert answer.size < 4096
        shown += [found["agent"] for found in answer.content["agents"]]
        cursor = answer.content.get("next_cursor", "")
    assert len(shown) == len(set(shown)) == len(agents)


async def test_odd_names_are_only_names(mcp: Endpoint) -> None:
    for name in ("..", "-rf", "@all", "a+b", "x.y", "O.r.1-1"):
        await mcp.claim(name, f"{name}.py")
    answer = await mcp.status("..")
    assert {"alice/..", "alice/-rf", "alice/@all"} <= {found["agent"] for found in answer.content["agents"]}
