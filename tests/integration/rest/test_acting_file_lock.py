"""Claims over HTTP: tokens go out and must come back, contention is an answer, and whoever leaves leaves nothing."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from coordination.store.database import Database
from tests.integration.leaver import Leaver
from tests.integration.rest.api import Api
from tests.integration.services.terminal import in_queue
from tests.integration.store.steps import leases
from tests.integration.tools.endpoint import endpoint
from tests.unit.transport.asgi import scope_of

LIMIT_SECONDS = 40
LAPTOP = "laptop:/home/alice/project"


def named(claimed: dict[str, Any]) -> list[dict[str, Any]]:
    """The leases of an answer as renewals and releases name them."""
    return [{"path": one["path"], "fencing_token": one["fencing_token"]} for one in claimed["leases"]]


async def test_what_was_claimed_is_renewed_and_released_by_its_tokens(
    acting: Api, clean_database: Database
) -> None:
    claimed = await acting.acts(
        "impl_a", "locks/claim", paths=["b.py", "a.py"], duration_minutes=1, reason="parser"
    )
    assert claimed["outcome"] == "granted"
    assert [lock["path"] for lock in claimed["leases"]] == ["a.py", "b.py"]
    assert claimed["granted_tokens"] == [lock["fencing_token"] for lock in claimed["leases"]]
    assert {lock["reason"] for lock in claimed["leases"]} == {"parser"}

    answer = await acting.acts("impl_a", "locks/renew", leases=named(claimed), duration_minutes=60)
    assert named({"leases": answer["renewed"]}) == named(claimed)
    ends = [datetime.fromisoformat(lock["expires_at"]) for lock in (claimed["leases"] + answer["renewed"])]
    assert max(ends[:2]) < min(ends[2:])

    one, other = named(claimed)
    answer = await acting.acts("impl_a", "locks/release", leases=[one])
    assert named({"leases": answer["released"]}) == [one]
    assert await leases(clean_database) == [("alice/impl_a", other["path"], "write")]


@pytest.mark.parametrize("action", ["renew", "release"])
async def test_a_wrong_token_an_old_one_and_that_of_another_change_nothing(
    acting: Api, clean_database: Database, action: str
) -> None:
    old = named(await acting.acts("impl_a", "locks/claim", paths=["a.py"]))
    await acting.acts("impl_a", "locks/release", leases=old)
    now = named(await acting.acts("impl_a", "locks/claim", paths=["a.py", "b.py"]))
    before = await rows(clean_database)
    wrong = [{**now[0], "fencing_token": now[1]["fencing_token"]}]
    for who, given in (("impl_a", old), ("impl_a", [*wrong, now[1]]), ("impl_b", now)):
        answer = await acting.post(f"locks/{action}", {"agent": f"alice/{who}", "leases": given})
        assert (answer.status_code, answer.json()["code"]) == (409, "lease_lost"), given
        assert await rows(clean_database) == before
    answer = await acting.post(f"locks/{action}", {"agent": "alice/impl_a", "leases": [{"path": "a.py"}]})
    assert (answer.status_code, "fencing_token: is required" in answer.text) == (422, True)
    twice = [now[0], {**wrong[0], "path": "A.py"}]
    answer = await acting.post(f"locks/{action}", {"agent": "alice/impl_a", "leases": twice})
    assert (answer.status_code, "is named twice" in answer.text) == (400, True)
    assert await rows(clean_database) == before


async def test_who_is_refused_learns_who_has_it_and_until_when(acting: Api) -> None:
    mine = await acting.acts("impl_a", "locks/claim", paths=["src"], reason="the parser", task_id="t1")
    held = await acting.acts("impl_b", "locks/claim", paths=["src/a.py", "free.py"])
    assert (held["outcome"], held["leases"], held["conflict_count"]) == ("held", [], 1)
    [conflict] = held["conflicts"]
    assert (conflict["agent_id"], conflict["wanted"], conflict["reason"]) == (
        "alice/impl_a",
        "src/a.py",
        "the parser",
    )
    assert conflict["expires_at"] == mine["leases"][0]["expires_at"]
    assert 0 < held["next_expiry_seconds"] <= 900
    assert (held["queue_position"], held["ticket"]) == (1, None)


async def test_who_waits_is_granted_when_it_is_released(acting: Api, clean_database: Database) -> None:
    mine = await acting.acts("impl_a", "locks/claim", paths=["a.py"])
    async with asyncio.timeout(LIMIT_SECONDS):
        turn = asyncio.ensure_future(acting.acts("impl_b", "locks/claim", paths=["a.py"], wait_seconds=45))
        await in_queue(clean_database, 1)
        await acting.acts("impl_a", "locks/release", leases=named(mine))
        granted = await turn
    assert granted["outcome"] == "granted"
    assert named(granted)[0]["fencing_token"] > named(mine)[0]["fencing_token"]


@pytest.mark.parametrize("leaves", ["while it waits", "before its answer", "never"])
async def test_whoever_waits_and_leaves_has_neither_a_place_nor_a_lease(
    acting: Api, clean_database: Database, leaves: str
) -> None:
    mine = await acting.acts("impl_a", "locks/claim", paths=["a.py"])
    body = {"agent": "alice/impl_b", "paths": ["a.py"], "wait_seconds": 45}
    client = Leaver(json.dumps(body).encode(), leaves=leaves == "before its answer")
    scope = scope_of(
        "http",
        "/api/v1/sessions/demo/locks/claim",
        (("host", "127.0.0.1"), ("content-type", "application/json")),
        query_string=b"",
    )
    async with asyncio.timeout(LIMIT_SECONDS):
        turn = asyncio.ensure_future(acting.app(scope, client.receive, client.send))
        await in_queue(clean_database, 1)
        if leaves == "while it waits":
            client.leave()
            await in_queue(clean_database, 0)
        else:
            await acting.acts("impl_a", "locks/release", leases=named(mine))
        await turn
    holder = {"while it waits": ["alice/impl_a"], "before its answer": [], "never": ["alice/impl_b"]}[leaves]
    assert [lease[0] for lease in await leases(clean_database)] == holder


async def test_a_claim_over_mcp_and_one_over_http_are_one_lease(acting: Api) -> None:
    async with endpoint(acting.core, presence=True) as mcp:
        answer = await mcp.call(
            "impl_a", "claim_file_lock", {"file_paths": ["a.py"]}, **{"x-coordination-checkout": LAPTOP}
        )
    [lock] = answer.content["locks"]
    absolute = f"{LAPTOP.partition(':')[2]}/a.py"
    again = await acting.acts("impl_a", "locks/claim", paths=[absolute], checkout=LAPTOP)
    assert named(again) == [{"path": "a.py", "fencing_token": lock["fencing_token"]}]
    assert again["granted_tokens"] == []


async def test_paths_are_literal_for_those_who_say_so(acting: Api) -> None:
    answer = await acting.post("locks/claim", {"agent": "alice/impl_a", "paths": ["what?.py"]})
    assert (answer.status_code, "paths:" in answer.json()["detail"]) == (400, True)
    claimed = await acting.acts("impl_a", "locks/claim", paths=["what?.py"], literal=True)
    released = await acting.acts("impl_a", "locks/release", leases=named(claimed))
    assert [lock["path"] for lock in released["released"]] == ["what?.py"]


async def test_a_lease_in_another_checkout_is_a_warning(acting: Api) -> None:
    await acting.acts("impl_a", "locks/claim", paths=["a.py"], checkout=LAPTOP)
    claimed = await acting.acts("impl_b", "locks/claim", paths=["a.py"], checkout=f"{LAPTOP}-2")
    assert claimed["outcome"] == "granted"
    [warning] = claimed["warnings"]
    assert (warning["locked_by"], warning["checkout_root"]) == ("alice/impl_a", "/home/alice/project")


async def rows(database: Database) -> list[Any]:
    """All that is stored of the leases."""
    return [dict(row) for row in await database.fetch("SELECT * FROM file_locks ORDER BY fencing_token")]
