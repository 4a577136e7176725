"""Leaving and joining over HTTP: who waits gets what is left, late calls bring nothing back, a name has one owner."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from coordination.store.database import Database
from tests.integration.rest.api import Api
from tests.integration.services.terminal import in_queue
from tests.integration.store.steps import kinds, leases

LIMIT_SECONDS = 40
LAPTOP = "laptop:/home/alice/project"
ROUTE = "/sessions/demo/agents"
ONE, TWO = "42-1795273921", "43-1795273921"


def named(claimed: dict[str, Any]) -> list[dict[str, Any]]:
    """The leases of an answer as renewals and releases name them."""
    return [{"path": one["path"], "fencing_token": one["fencing_token"]} for one in claimed["leases"]]


async def leave(api: Api, name: str, **body: Any) -> Any:
    """Leave as an agent of alice; what is answered must be no refusal."""
    answer = await api.client.request("DELETE", ROUTE, json={"agent": f"alice/{name}", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_who_waits_is_granted_what_another_leaves(acting: Api, clean_database: Database) -> None:
    mine = await acting.acts("impl_a", "locks/claim", paths=["a.py"])
    async with asyncio.timeout(LIMIT_SECONDS):
        turn = asyncio.ensure_future(acting.acts("impl_b", "locks/claim", paths=["a.py"], wait_seconds=45))
        await in_queue(clean_database, 1)
        departure = await leave(acting, "impl_a", why="ended")
        granted = await turn
    assert (departure["agent_id"], departure["left"]) == ("alice/impl_a", True)
    assert named({"leases": departure["released"]}) == named(mine)
    assert granted["outcome"] == "granted"
    assert (await acting.get("/sessions/demo/agents/alice/impl_a")).json()["presence"] == "inactive"
    again = await leave(acting, "impl_a", why="left")
    assert again == {"agent_id": "alice/impl_a", "left": False, "released": []}


async def test_a_waiting_claim_ends_when_its_agent_leaves(acting: Api, clean_database: Database) -> None:
    await acting.acts("impl_b", "locks/claim", paths=["a.py"])
    body = {"agent": "alice/impl_a", "paths": ["a.py"], "wait_seconds": 45}
    async with asyncio.timeout(LIMIT_SECONDS):
        turn = asyncio.ensure_future(acting.post("locks/claim", body))
        await in_queue(clean_database, 1)
        await leave(acting, "impl_a", why="ended")
        answer = await turn
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await kinds(clean_database))[-2:] == ["waiter.left", "agent.left"]
    await in_queue(clean_database, 0)


async def test_a_renewal_that_comes_late_brings_no_lease_back(acting: Api, clean_database: Database) -> None:
    mine = await acting.acts("impl_a", "locks/claim", paths=["a.py"])
    await leave(acting, "impl_a", why="ended")
    await acting.acts("impl_a", "agents")
    answer = await acting.post("locks/renew", {"agent": "alice/impl_a", "leases": named(mine)})
    assert (answer.status_code, answer.json()["code"]) == (409, "lease_lost")
    assert answer.json()["details"] == {"lost": ["a.py"], "held": []}
    assert await leases(clean_database) == []


@pytest.mark.parametrize("action", ["renew", "release"])
async def test_a_lost_lease_names_every_path_that_is_lost_and_that_is_held(acting: Api, action: str) -> None:
    gone = [f"Gone_{number}.py" for number in range(20)]
    kept = [f"Kept_{number}.py" for number in range(20)]
    lost = named(await acting.acts("impl_a", "locks/claim", paths=gone))
    held = named(await acting.acts("impl_a", "locks/claim", paths=kept))
    await acting.acts("impl_a", "locks/release", leases=lost)
    answer = await acting.post(f"locks/{action}", {"agent": "alice/impl_a", "leases": [*lost, *held]})
    told = answer.json()
    assert (answer.status_code, told["code"]) == (409, "lease_lost")
    assert {name: sorted(paths) for name, paths in told["details"].items()} == {
        "lost": sorted(gone),
        "held": sorted(kept),
    }
    assert "and 15 more" in told["detail"]


async def test_other_refusals_carry_no_details(acting: Api) -> None:
    await acting.acts("impl_a", "agents", terminal=ONE)
    answer = await acting.post("agents", {"agent": "alice/impl_a", "terminal": TWO, "only_if_free": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
    assert "details" not in answer.json()


async def test_leaving_begins_no_session(acting: Api) -> None:
    body = {"agent": "alice/impl_a", "why": "left"}
    for session in ("nowhere", "a__b"):
        answer = await acting.client.request("DELETE", f"/sessions/{session}/agents", json=body)
        assert (answer.status_code, answer.json()["left"]) == (200, False)
    assert (await acting.get("/sessions")).json()["sessions"] == []
    answer = await acting.client.request("DELETE", ROUTE, json={**body, "why": "bored"})
    assert answer.status_code == 422


async def test_a_name_is_taken_by_one_of_those_that_ask_at_once(acting: Api) -> None:
    answers = await asyncio.gather(
        *(
            acting.post("agents", {"agent": "alice/impl_a", "terminal": terminal, "only_if_free": True})
            for terminal in (ONE, TWO)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    [taken] = [answer.json() for answer in answers if answer.status_code != 200]
    assert (taken["code"], taken["next_call"]) == ("name_taken", "coord status demo")


async def test_a_name_is_its_terminals_also_when_it_acted_before_it_joined(acting: Api) -> None:
    where = {"checkout": LAPTOP, "terminal": ONE}
    await acting.acts("impl_a", "locks/claim", paths=["a.py"], **where)
    joined = await acting.acts("impl_a", "agents", only_if_free=True, **where)
    assert (joined["terminals"], joined["presence"]) == (1, "active")
    other = {**where, "checkout": f"{LAPTOP}-2"}
    for taken in (other, {**where, "terminal": TWO}):
        answer = await acting.post("agents", {"agent": "alice/impl_a", "only_if_free": True, **taken})
        assert answer.json()["code"] == "name_taken"
    await leave(acting, "impl_a", why="ended", **where)
    assert (await acting.acts("impl_a", "agents", only_if_free=True, **other))["terminals"] == 1


async def test_whoever_does_not_say_where_it_is_cannot_ask_for_a_free_name(acting: Api) -> None:
    answer = await acting.post("agents", {"agent": "alice/impl_a", "checkout": LAPTOP, "only_if_free": True})
    assert (answer.status_code, "only_if_free needs terminal" in answer.json()["detail"]) == (422, True)
