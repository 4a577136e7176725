"""What each route answers, read back through the services and the other routes."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from coordination.domain.file_lock import Operation
from coordination.store import event as event_store
from tests.integration.app.proxy import Door
from tests.integration.rest.api import Api, agent, api_on


async def test_sessions_are_listed_page_by_page_without_a_gap(api: Api) -> None:
    for name in ("a", "b", "c", "d", "e"):
        await api.join("planner", session=name)
    first = (await api.get("/sessions", limit=2)).json()
    second = (await api.get("/sessions", limit=2, after=first["next_cursor"])).json()
    third = (await api.get("/sessions", limit=2, after=second["next_cursor"])).json()
    pages = [first, second, third]
    assert [[found["id"] for found in page["sessions"]] for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert third["next_cursor"] is None
    assert first["sessions"][0]["agents"] == 1


async def test_a_status_shows_agents_locks_and_totals(api: Api) -> None:
    await api.claim(agent("impl_a"), "src/a.py", reason="the parser")
    await api.join("planner")
    status = (await api.get("/sessions/demo")).json()
    found = {one["agent_id"]: one for one in status["agents"]}
    assert set(found) == {"alice/impl_a", "alice/planner"}
    assert found["alice/impl_a"]["locks"][0]["path"] == "src/a.py"
    assert found["alice/impl_a"]["presence"] == "active"
    assert status["totals"]["locks"] == 1
    only = (await api.get("/sessions/demo", agent="planner")).json()
    assert [one["name"] for one in only["agents"]] == ["planner"]


async def test_a_status_goes_on_at_its_cursor(api: Api) -> None:
    await api.join("a", "b", "c")
    first = (await api.get("/sessions/demo", limit=2)).json()
    second = (await api.get("/sessions/demo", limit=2, after=first["next_cursor"])).json()
    assert [one["name"] for page in (first, second) for one in page["agents"]] == ["a", "b", "c"]
    assert second["next_cursor"] is None


async def test_pages_of_locks_miss_none_and_keep_the_leases_of_one_path_together(api: Api) -> None:
    for reader in ("a", "b", "c"):
        await api.claim(agent(reader), "b.py", operation=Operation.READ)
    await api.claim(agent("d"), "a.py", "c.py", "d.py")
    readers = ["b.py alice/a", "b.py alice/b", "b.py alice/c"]
    assert await lock_pages(api) == [["a.py alice/d"], readers, ["c.py alice/d", "d.py alice/d"]]


async def test_a_page_that_ends_with_the_whole_tree_is_followed_by_the_next(api: Api) -> None:
    for reader in ("a", "b"):
        await api.claim(agent(reader), ".", operation=Operation.READ)
    await api.claim(agent("a"), "a.py", "resource:port/1", operation=Operation.READ)
    assert await lock_pages(api) == [[". alice/a", ". alice/b"], ["a.py alice/a", "resource:port/1 alice/a"]]


async def lock_pages(api: Api) -> list[list[str]]:
    """The paths and holders of each page of two leases, from the first to the last."""
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        parameters = {} if cursor is None else {"after": cursor}
        answer = await api.get("/sessions/demo/locks", limit=2, **parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        pages.append([f"{lock['path']} {lock['agent_id']}" for lock in page["locks"]])
        cursor = page["next_cursor"]
        if cursor is None:
            return pages


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"paths": ["./a.py", "nowhere.py"]}, ["b.py", "c.py"]),
        ({"agent": "alice/impl_a"}, ["c.py"]),
        ({"paths": ["a.py", "c.py"], "agent": "alice/impl_a"}, ["b.py", "c.py"]),
        ({"everything": True}, []),
    ],
    ids=["by path", "by agent", "by both", "everything"],
)
async def test_a_revocation_takes_exactly_what_it_names(
    api: Api, body: dict[str, object], left: list[str]
) -> None:
    await api.claim(agent("impl_a"), "a.py", "b.py")
    await api.claim(agent("impl_b"), "c.py")
    answer = await api.client.post("/sessions/demo/locks/revoke", json={**body, "by": "bob"})
    assert answer.status_code == 200
    taken = [lock["path"] for lock in answer.json()["revoked"]]
    assert sorted(taken + left) == ["a.py", "b.py", "c.py"]
    assert [lock["path"] for lock in (await api.get("/sessions/demo/locks")).json()["locks"]] == left
    events = (await api.get("/sessions/demo/events")).json()["events"]
    assert {event["agent_id"] for event in events if event["kind"] == "lock.revoked"} == {"bob"}


async def test_a_revocation_that_names_nothing_takes_nothing(api: Api) -> None:
    await api.claim(agent("impl_a"), "a.py")
    answer = await api.client.post("/sessions/demo/locks/revoke", json={})
    assert answer.status_code == 422
    assert "everything: true" in answer.json()["detail"]
    assert len((await api.get("/sessions/demo/locks")).json()["locks"]) == 1


async def test_a_message_reaches_those_it_names_and_nobody_else(api: Api) -> None:
    await api.join("impl_a", "impl_b", "planner")
    message = {"text": "stop, please", "to": ["impl_a", "alice/planner"], "sender": "bob"}
    answer = await api.client.post("/sessions/demo/messages", json=message)
    assert sorted(answer.json()["sent_to"]) == ["alice/impl_a", "alice/planner"]
    assert await api.texts(agent("impl_a")) == ["stop, please"]
    assert await api.texts(agent("impl_b")) == []


async def test_a_message_to_nobody_in_particular_reaches_all(api: Api) -> None:
    await api.join("impl_a", "planner")
    answer = await api.client.post("/sessions/demo/messages", json={"text": "hello", "sender": "bob"})
    assert sorted(answer.json()["sent_to"]) == ["alice/impl_a", "alice/planner"]


async def test_a_message_to_a_stranger_is_refused_with_the_known_names(api: Api) -> None:
    await api.join("impl_a")
    message = {"text": "hello", "to": ["nobody"], "sender": "bob"}
    answer = await api.client.post("/sessions/demo/messages", json=message)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "alice/impl_a" in answer.json()["detail"]
    assert await api.texts(agent("impl_a")) == []


async def test_a_session_is_closed_opened_and_configured(api: Api) -> None:
    await api.join("planner")
    closed = await api.client.patch("/sessions/demo", json={"status": "closed", "by": "bob"})
    assert closed.json() == {"session": "demo", "status": "closed", "across_checkouts": "warn"}
    change = {"status": "active", "across_checkouts": "block"}
    changed = await api.client.patch("/sessions/demo", json=change)
    assert changed.json() == {"session": "demo", "status": "active", "across_checkouts": "block"}
    assert (await api.get("/sessions")).json()["sessions"][0]["across_checkouts"] == "block"


async def test_blocking_across_checkouts_is_refused_while_leases_overlap_there(api: Api) -> None:
    await api.claim(agent("impl_a", checkout="a" * 12), "a.py")
    await api.claim(agent("impl_b", checkout="b" * 12), "a.py")
    answer = await api.client.patch("/sessions/demo", json={"across_checkouts": "block"})
    assert (answer.status_code, answer.json()["code"]) == (409, "setting_refused")
    assert (await api.get("/sessions/demo")).json()["across_checkouts"] == "warn"


async def test_events_are_read_in_order_from_a_cursor(api: Api) -> None:
    await api.claim(agent("impl_a"), "a.py")
    everything = (await api.get("/sessions/demo/events")).json()
    numbers = [event["seq"] for event in everything["events"]]
    assert numbers == list(range(1, len(numbers) + 1))
    rest = (await api.get("/sessions/demo/events", after=1, limit=1)).json()
    assert [event["seq"] for event in rest["events"]] == [2]
    assert rest["next_after"] == 2
    assert (await api.get("/sessions/demo/events", after=numbers[-1])).json() == {
        "events": [],
        "next_after": numbers[-1],
        "removed_up_to": None,
    }


async def test_a_number_that_the_session_has_not_reached_is_refused_and_not_waited_for(api: Api) -> None:
    await api.claim(agent("impl_a"), "a.py")
    last = (await api.get("/sessions/demo/events")).json()["next_after"]
    for more in ({}, {"wait_seconds": 30}):
        refused = await api.get("/sessions/demo/events", after=last + 1, **more)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
        assert f"has {last} events, and not {last + 1}" in refused.json()["detail"]


async def test_a_page_of_large_events_ends_before_it_has_become_large(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store, "PAGE_BYTES", 10_000)
    for number in range(4):
        await api.claim(agent("impl_a"), *(f"{number}/{'x' * 200}{file}.py" for file in range(20)))
    await api.claim(agent("impl_a"), "a.py")
    everything = (await api.get("/sessions/demo/events", limit=200)).json()
    sizes, numbers, after = list[int](), list[int](), 0
    while True:
        page = (await api.get("/sessions/demo/events", limit=200, after=after)).json()
        if not page["events"]:
            break
        sizes.append(len(page["events"]))
        numbers += [event["seq"] for event in page["events"]]
        after = page["next_after"]
    assert numbers == list(range(1, after + 1))
    assert len(everything["events"]) < len(numbers)
    assert max(sizes) > 1
    monkeypatch.setattr(event_store, "PAGE_BYTES", 1)
    page = (await api.get("/sessions/demo/events", limit=200, after=after - 1)).json()
    assert [event["seq"] for event in page["events"]] == [after]


async def test_the_events_of_a_page_are_large_together_and_not_one_by_one(api: Api) -> None:
    await api.join("impl_a")
    after = (await api.get("/sessions/demo/events")).json()["next_after"]
    statement = """SELECT coordination_append_event('local', 'demo', 'alice/impl_a', 'message.sent',
                   jsonb_build_object('text', repeat('x', $1)), '{}', clock_timestamp())"""
    for _ in range(3):
        await api.core.database.fetch(statement, event_store.PAGE_BYTES * 2 // 5)
    page = (await api.get("/sessions/demo/events", after=after)).json()
    assert [event["seq"] for event in page["events"]] == [after + 1, after + 2]


async def test_a_question_for_events_waits_for_the_first_one(api: Api) -> None:
    await api.join("impl_a")
    after = (await api.get("/sessions/demo/events")).json()["next_after"]
    asking = asyncio.create_task(api.get("/sessions/demo/events", after=after, wait_seconds=30))
    await _waiting_readers(api)
    assert not asking.done()
    await api.claim(agent("impl_a"), "a.py")
    events = (await asking).json()["events"]
    assert [event["kind"] for event in events] == ["lock.claimed"]


async def test_waiting_for_events_ends_when_the_client_has_gone(api: Api) -> None:
    await api.join("impl_a")
    after = (await api.get("/sessions/demo/events")).json()["next_after"]
    gone = asyncio.Event()
    body: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if body:
            return body.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        """Nobody reads the answer."""

    query = f"after={after}&wait_seconds=45".encode()
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/api/v1/sessions/demo/events",
        "query_string": query,
        "headers": [(b"host", b"127.0.0.1")],
    }
    asking = asyncio.ensure_future(api.app(scope, receive, send))
    await _waiting_readers(api)
    gone.set()
    await asyncio.wait_for(asking, 10)


async def test_waiting_for_events_while_the_database_goes_away_ends_with_a_retryable_error(dsn: str) -> None:
    async with Door(dsn) as door:
        await door.open()
        async with api_on(door.dsn) as api:
            await api.join("impl_a")
            after = (await api.get("/sessions/demo/events")).json()["next_after"]
            asking = asyncio.create_task(api.get("/sessions/demo/events", after=after, wait_seconds=30))
            await _waiting_readers(api)
            await door.shut()
            answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (503, "retry_later")


async def _waiting_readers(api: Api) -> None:
    """Return once somebody has found no events of the session and sleeps."""
    readers = api.core.feed._readers
    async with asyncio.timeout(10):
        while not any(one.wake._waiters for one in readers.get(("local", "demo"), ())):  # noqa: ASYNC110 - nobody announces a reader
            await asyncio.sleep(0)
