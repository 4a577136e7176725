"""claim_file_lock as an agent meets it: answers, warnings, literal next calls."""

import asyncio
from typing import Any

import pytest

from coordination.store.database import Database
from tests.integration.tools.endpoint import HERE, Endpoint


async def test_a_grant_says_per_path_what_was_granted_and_until_when(mcp: Endpoint) -> None:
    answer = await mcp.claim("impl_a", "src/b.py", "./src/a.py", "src//a.py")
    assert answer.content["outcome"] == "granted"
    assert [lock["path"] for lock in answer.content["locks"]] == ["src/a.py", "src/b.py"]
    for lock in answer.content["locks"]:
        assert set(lock) == {"path", "operation", "fencing_token", "expires_at", "expires_in_seconds"}
        assert lock["operation"] == "write"
        assert 890 < lock["expires_in_seconds"] <= 900
    assert answer.text.startswith("Granted 2 lock(s)")


async def test_what_is_held_is_told_with_holder_reason_task_and_time(mcp: Endpoint) -> None:
    await mcp.claim("impl_a", "src", reason="moving \x1b[31mthings\u202e", task_id="t1", duration_minutes=2)
    answer = await mcp.claim("impl_b", "docs/a.md", "src/a.py")
    assert not answer.is_error
    assert answer.content["outcome"] == "held"
    (conflict,) = answer.content["conflicts"]
    assert conflict["path"] == "src/a.py"
    assert conflict["held_path"] == "src"
    assert conflict["locked_by"] == "alice/impl_a"
    assert conflict["operation"] == "write"
    assert conflict["task_id"] == "t1"
    assert conflict["reason"] == {"author": "alice/impl_a", "untrusted_text": "moving things"}
    assert 100 < conflict["time_remaining_seconds"] <= 120
    assert conflict["granted_at"] < conflict["expires_at"]
    assert answer.content["queue_position"] == 1
    assert answer.content["queued"] is False
    assert "nothing was claimed" in answer.text


@pytest.mark.parametrize("operation", ["write", "read", "delete"])
async def test_the_next_call_of_what_is_held_can_be_made_as_it_stands(mcp: Endpoint, operation: str) -> None:
    paths = [f"src/{'very_' * 12}long_folder/{number}.py" for number in range(7)]
    await mcp.claim("impl_a", *paths)
    refused = await mcp.claim("impl_b", *paths, operation=operation, duration_minutes=7)
    again = literal_call(refused.content["next_call"])
    same: dict[str, Any] = {
        "file_paths": paths,
        "operation": operation,
        "duration_minutes": 7,
        "wait_seconds": 45,
    }
    assert {"operation": "write", **again} == same
    assert refused.content["next_call"] in refused.text


def literal_call(text: str) -> dict[str, Any]:
    """The arguments of a printed call."""
    return eval(text, {"claim_file_lock": dict, "true": True})  # noqa: S307 - what the service printed


async def test_a_call_on_very_many_paths_is_not_repeated_in_full(mcp: Endpoint) -> None:
    paths = [f"src/{number:03}.py" for number in range(500)]
    granted = await mcp.claim("impl_a", *paths)
    assert len(granted.content["locks"]) == 500
    refused = await mcp.claim("impl_b", *paths)
    assert 1 < len(refused.content["conflicts"]) <= 20
    assert refused.content["conflict_count"] == 500
    assert refused.size < 4096
    assert "the same 500 paths" in refused.content["next_call"]
    assert len(refused.content["next_call"]) < 300
    released = await mcp.claim("impl_a", action="release")
    assert len(released.content["locks"]) == 500


async def test_waiting_brings_the_grant_when_the_holder_releases(mcp: Endpoint, database: Database) -> None:
    await mcp.claim("impl_a", "a.py")
    turn = asyncio.create_task(mcp.claim("impl_b", "a.py", wait_seconds=45))
    while not await database.fetch("SELECT 1 FROM file_lock_waiters"):
        pass
    await mcp.claim("impl_a", action="release", file_paths=["a.py"])
    assert (await turn).content["outcome"] == "granted"


async def test_a_wait_in_vain_tells_that_the_place_is_kept(mcp: Endpoint) -> None:
    await mcp.claim("impl_a", "a.py")
    answer = await mcp.claim("impl_b", "a.py", wait_seconds=1)
    assert answer.content["queued"] is True
    assert "kept for 120 s" in answer.text
    third = await mcp.claim("impl_c", "a.py")
    queued = [conflict for conflict in third.content["conflicts"] if conflict.get("queued")]
    assert [(conflict["locked_by"], conflict["path"]) for conflict in queued] == [("alice/impl_b", "a.py")]
    assert third.content["queue_position"] == 2
    left = await mcp.claim("impl_b", action="release")
    assert "no queue now" in left.text


async def test_only_waiters_in_the_way_are_named_as_such(mcp: Endpoint) -> None:
    await mcp.claim("impl_a", "a.py")
    await mcp.claim("impl_b", "a.py", "src", wait_seconds=1)
    answer = await mcp.claim("impl_c", "src/x.py", "z.py")
    (conflict,) = answer.content["conflicts"]
    assert (conflict["locked_by"], conflict["queued"]) == ("alice/impl_b", True)
    assert (conflict["path"], conflict["held_path"]) == ("src/x.py", "src")
    assert "is before you in the queue" in answer.text


async def test_a_circle_is_an_error_that_names_it(mcp: Endpoint) -> None:
    await mcp.claim("impl_a", "a.py")
    await mcp.claim("impl_b", "b.py")
    await mcp.claim("impl_a", "b.py", wait_seconds=1)
    answer = await mcp.claim("impl_b", "a.py", wait_seconds=45)
    assert answer.content["code"] == "wait_cycle"
    assert "alice/impl_b waits for alice/impl_a waits for alice/impl_b" in answer.content["message"]


async def test_renewing_extends_and_releasing_everything_frees(mcp: Endpoint) -> None:
    await mcp.claim("impl_a", "a.py", "b.py", duration_minutes=1)
    renewed = await mcp.call("impl_a", "claim_file_lock", {"action": "renew", "duration_minutes": 60})
    assert [lock["path"] for lock in renewed.content["locks"]] == ["a.py", "b.py"]
    assert all(lock["expires_in_seconds"] > 3500 for lock in renewed.content["locks"])
    one = await mcp.call("impl_a", "claim_file_lock", {"action": "release", "file_paths": ["./a.py"]})
    assert one.content["outcome"] == "released"
    assert one.text == 'Released 1 lock(s): ["a.py"].'
    lost = await mcp.call("impl_a", "claim_file_lock", {"action": "renew", "file_paths": ["a.py"]})
    assert lost.content["code"] == "lease_lost"
    await mcp.claim("impl_a", action="release")
    nothing = await mcp.call("impl_a", "claim_file_lock", {"action": "renew"})
    assert nothing.content == {"outcome": "renewed", "locks": []}
    assert "no locks" in nothing.text


async def test_an_expired_predecessor_is_named(mcp: Endpoint, database: Database) -> None:
    await mcp.claim("impl_a", "a.py")
    await database.fetch("UPDATE file_locks SET expires_at = clock_timestamp() RETURNING 1")
    answer = await mcp.claim("impl_b", "a.py")
    assert answer.content["locks"][0]["previous_holder"] == "alice/impl_a"
    assert "read before you write" in answer.text


async def test_another_checkout_is_a_warning_and_absolute_paths_below_the_top_are_relative(
    mcp: Endpoint,
) -> None:
    here = {"x-coordination-checkout": f"host:{HERE}"}
    there = {"x-coordination-checkout": "host:/home/alice/other"}
    first = {"file_paths": [f"{HERE}/src/a.py"]}
    answer = await mcp.call("impl_a", "claim_file_lock", first, **here)
    assert [lock["path"] for lock in answer.content["locks"]] == ["src/a.py"]
    answer = await mcp.call("impl_b", "claim_file_lock", {"file_paths": ["src/a.py"]}, **there)
    assert answer.content["warnings"] == [
        f'alice/impl_a holds "src/a.py" in another checkout ({HERE}): you will meet at merge.'
    ]
    answer = await mcp.call("impl_b", "claim_file_lock", first, **there)
    assert answer.content["code"] == "invalid_input"
    assert "/home/alice/other" in answer.content["message"]


async def test_a_claim_without_paths_is_refused(mcp: Endpoint) -> None:
    answer = await mcp.claim("impl_a")
    assert answer.content["code"] == "invalid_input"
    assert answer.content["next_call"] == "check_agent_status()"


async def test_two_terminals_under_one_name_are_told(mcp: Endpoint) -> None:
    terminals = [{"x-coordination-terminal": f"{number}-1"} for number in (1, 2)]
    for headers in terminals:
        await mcp.call("impl_a", "claim_file_lock", {"file_paths": ["a.py"]}, **headers)
        await mcp.core.presence.flush()
    for headers in terminals:
        for tool, arguments in (
            ("claim_file_lock", {"file_paths": ["a.py"]}),
            ("sync_progress", {}),
            ("check_agent_status", {}),
        ):
            answer = await mcp.call("impl_a", tool, arguments, **headers)
            assert any("other live terminal(s) use your name" in text for text in answer.content["warnings"])
            assert "COORD_AGENT" in answer.text


async def test_many_long_conflicts_fit_into_an_answer(mcp: Endpoint) -> None:
    for number in range(20):
        await mcp.claim(f"impl_{number}", f"src/{number:02}.py", reason="r" * 200)
    refused = await mcp.claim("planner", "src")
    assert refused.content["conflict_count"] == 20
    assert refused.content["conflicts"]
    assert refused.size < 4096


@pytest.mark.parametrize(("lost", "claimed"), [("src/a.py", "src"), ("src", "src/a.py"), ("src", "SRC")])
async def test_a_grant_over_an_expired_lease_says_whose_it_was(
    mcp: Endpoint, database: Database, lost: str, claimed: str
) -> None:
    await mcp.claim("impl_a", lost)
    await database.fetch("UPDATE file_locks SET expires_at = clock_timestamp() RETURNING 1")
    granted = await mcp.claim("impl_b", claimed)
    assert [lock["previous_holder"] for lock in granted.content["locks"]] == ["alice/impl_a"]
    assert "read before you write" in granted.content["warnings"][0]


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a*", "x\0", " a", "", "a\u202eb.py"])
async def test_a_refused_path_is_followed_by_a_call_that_claims_nothing(mcp: Endpoint, path: str) -> None:
    refused = await mcp.claim("impl_a", path)
    assert refused.content["code"] == "invalid_input"
    assert refused.content["next_call"] == "check_agent_status()"


async def test_a_lost_lease_with_a_hostile_name_is_named_in_a_call_that_works(mcp: Endpoint) -> None:
    name = 'a"b\\c.py'
    refused = await mcp.claim("impl_a", name, action="renew")
    assert refused.content["code"] == "lease_lost"
    again = await mcp.claim("impl_a", *literal_call(refused.content["next_call"])["file_paths"])
    assert [lock["path"] for lock in again.content["locks"]] == [name]


@pytest.mark.parametrize("task_id", ["a\0b", "\u202e", "a\nb"])
async def test_a_task_id_that_cannot_be_seen_is_refused_and_not_changed(mcp: Endpoint, task_id: str) -> None:
    refused = await mcp.claim("impl_a", "a.py", task_id=task_id)
    assert (refused.is_error, refused.content["code"]) == (True, "invalid_input")
    assert "task_id" in refused.content["message"]
