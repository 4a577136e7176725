"""Being there, reporting and reading news over HTTP: news come again until they are confirmed."""

from __future__ import annotations

from typing import Any

from coordination.services import file_lock
from coordination.store.database import Database
from tests.integration.rest.api import Api, agent

LAPTOP = "laptop:/home/alice/project"


async def test_a_heartbeat_joins_and_afterwards_says_that_one_is_still_there(
    acting: Api, clean_database: Database
) -> None:
    found = await acting.acts("impl_a", "agents", checkout=LAPTOP, terminal="42-1795273921")
    assert (found["agent_id"], found["role"], found["presence"]) == ("alice/impl_a", "implementer", "active")
    assert (found["checkout_root"], found["terminals"]) == ("/home/alice/project", 1)
    assert (found["listed_at"], found["called_at"]) == (None, None)
    await clean_database.fetch(
        "UPDATE claude_code_agents SET last_activity = last_activity - interval '5 minutes'"
    )
    assert (await acting.get("/sessions/demo/agents/alice/impl_a")).json()["presence"] == "recent"
    assert (await acting.acts("impl_a", "agents", checkout=LAPTOP))["presence"] == "active"
    joined = [event["kind"] for event in (await acting.get("/sessions/demo/events")).json()["events"]]
    assert joined == ["session.created", "agent.joined"]


async def test_acting_counts_as_being_heard_of(acting: Api, clean_database: Database) -> None:
    await acting.acts("impl_a", "agents")
    await clean_database.fetch(
        "UPDATE claude_code_agents SET last_activity = last_activity - interval '5 minutes'"
    )
    await acting.acts("impl_a", "locks/claim", paths=["a.py"])
    await acting.core.presence.flush()
    found = (await acting.get("/sessions/demo/agents/alice/impl_a")).json()
    assert found["presence"] == "active"
    assert found["called_at"] is not None


async def test_a_program_beside_the_terminal_of_its_agent_is_no_other_terminal(acting: Api) -> None:
    await acting.acts("impl_a", "agents", checkout=LAPTOP, terminal="42-1795273921")
    assert (await acting.acts("impl_a", "agents", checkout=LAPTOP))["terminals"] == 1
    other = await acting.acts("impl_a", "agents", checkout=LAPTOP, terminal="43-1795273921")
    assert other["terminals"] == 2


async def test_a_checkout_of_another_session_and_a_name_that_no_session_has_are_refused(acting: Api) -> None:
    await acting.acts("impl_a", "agents", checkout=LAPTOP)
    body = {"agent": "alice/impl_a", "checkout": LAPTOP}
    answer = await acting.client.post("/sessions/other/agents", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "checkout_taken")
    answer = await acting.client.post("/sessions/a__b/agents", json={"agent": "alice/impl_a"})
    assert (answer.status_code, answer.json()["detail"].startswith("session: must be")) == (400, True)
    for field, text in (("checkout", "/home/alice"), ("checkout", f" {LAPTOP}"), ("terminal", "first")):
        answer = await acting.post("agents", {"agent": "alice/impl_a", field: text})
        assert (answer.status_code, answer.json()["detail"].partition(":")[0]) == (422, field)
    assert [one["id"] for one in (await acting.get("/sessions")).json()["sessions"]] == ["demo"]


async def test_a_report_is_answered_with_the_task_the_leases_and_the_next_task(acting: Api) -> None:
    await acting.acts("impl_a", "locks/claim", paths=["a.py", "b.py"])
    synced = await acting.acts(
        "impl_a", "sync", task_id="t1", status="started", progress_percentage=10, affected_files=["./a.py"]
    )
    assert (synced["task"]["status"], synced["task"]["affected_files"]) == ("started", ["a.py"])
    assert (synced["open_task"], synced["lease_count"], synced["next_task"]) == ("t1", 2, None)
    taken = await acting.post("sync", {"agent": "alice/impl_b", "task_id": "t1", "status": "started"})
    assert (taken.status_code, taken.json()["code"]) == (409, "task_taken")
    half = await acting.post("sync", {"agent": "alice/impl_b", "task_id": "t2"})
    assert (half.status_code, "task_id and status go together" in half.text) == (400, True)
    assert (await acting.get("/sessions/demo/tasks/t1")).json()["agent_id"] == "alice/impl_a"


async def test_news_come_again_until_they_are_confirmed_and_then_no_more(acting: Api) -> None:
    await acting.acts("impl_a", "agents")
    sent = await acting.acts("impl_b", "sync", message="hello", to=["impl_a"])
    assert sent["sent_to"] == ["alice/impl_a"]
    assert texts(await acting.acts("impl_a", "sync")) == ["hello"]
    synced = await acting.acts("impl_a", "sync")
    assert texts(synced) == ["hello"]
    await acting.acts("impl_b", "sync", message="again", to=["alice/impl_a"])
    cursor = synced["news"]["cursor"]
    assert await acting.acts("impl_a", "news/confirm", cursor=cursor) == {"cursor": cursor}
    synced = await acting.acts("impl_a", "sync")
    assert texts(synced) == ["again"]
    await acting.acts("impl_a", "news/confirm", cursor=synced["news"]["cursor"])
    await acting.acts("impl_a", "news/confirm", cursor=cursor)
    assert texts(await acting.acts("impl_a", "sync")) == []


async def test_news_that_are_still_to_come_cannot_be_confirmed(acting: Api) -> None:
    await acting.acts("impl_a", "agents")
    body = {"agent": "alice/impl_a", "cursor": 99}
    answer = await acting.post("news/confirm", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    answer = await acting.client.post("/sessions/nowhere/news/confirm", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    await acting.acts("impl_b", "sync", message="hello", to=["impl_a"])
    assert texts(await acting.acts("impl_a", "sync")) == ["hello"]


async def test_a_lease_that_was_taken_away_is_told_with_the_next_sync(acting: Api) -> None:
    await acting.acts("impl_a", "locks/claim", paths=["a.py"])
    await file_lock.revoke(acting.core, "local", "demo", "bob", ["a.py"], agent("impl_a").id)
    [item] = (await acting.acts("impl_a", "sync"))["news"]["items"]
    assert (item["kind"], item["payload"]["locks"][0]["path"]) == ("lock.revoked", "a.py")


def texts(synced: dict[str, Any]) -> list[str]:
    """The messages among the news."""
    return [item["payload"]["text"] for item in synced["news"]["items"]]
