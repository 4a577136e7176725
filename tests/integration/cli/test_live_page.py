"""The living page of `coord watch` beside a real service: what it reads when, and what it says while it cannot."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from coordination.cli import live_page
from coordination.cli.live_page import LivePage, due_in
from coordination.client.errors import RequestRefused
from coordination.client.retry import Patience
from coordination.client.service import ServiceClient
from coordination.domain.errors import RetryLater
from coordination.domain.plan.handed_out import HandedOut
from coordination.services import agent as agents
from coordination.store import plan as store
from tests.integration.app.proxy import Gate
from tests.integration.cli.running import Coord, Running

PATIENCE_SECONDS = 40


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read again at once, whatever happens or not."""
    for name in ("BURST_SECONDS", "PRESENCE_SECONDS", "TICK_SECONDS"):
        monkeypatch.setattr(live_page, name, 0.01)


@asynccontextmanager
async def living(url: str) -> AsyncGenerator[LivePage]:
    """A page that follows the events, and is drawn by the test alone."""
    with ServiceClient(url, patience=Patience(attempts=1)) as client:
        page = await asyncio.to_thread(lambda: LivePage(client, client.status("demo", include_inactive=True)))
        with page.following():
            yield page


def drawn(page: LivePage) -> str:
    screen = Console(file=io.StringIO(), width=80, height=24)
    screen.print(page)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


async def until(page: LivePage, so: Callable[[str], bool]) -> str:
    """Let the page live until it shows what is wanted; returns it."""

    def live() -> str:
        while not so(text := drawn(page)):
            page.step()
        return text

    async with asyncio.timeout(PATIENCE_SECONDS):
        return await asyncio.to_thread(live)


async def test_what_happens_elsewhere_appears_with_its_event(service: Running) -> None:
    await service.claim(service.agent("planner"), "a.py")
    async with living(service.url) as page:
        await service.claim(service.agent("impl_a"), "b.py")
        text = await until(page, lambda text: "2 agent(s)" in text and "claimed b.py" in text)
    assert "What follows" not in text


async def test_tasks_that_are_in_no_plan_are_shown_too_and_completed_ones_last(
    service: Running, coord: Coord
) -> None:
    implementer = service.agent("impl_a")
    for id_ in ("b", "a"):
        await service.report(implementer, id_, 20, "begun")
    await service.core.database.fetch("UPDATE tasks SET status = 'completed' WHERE id = 'a' RETURNING 1")
    await service.core.database.fetch(
        """INSERT INTO tasks (workspace_id, session_id, id, description, status)
           SELECT workspace_id, session_id, 'c' || n, 'Do it', 'pending' FROM tasks, generate_series(10, 39) n
           WHERE id = 'a' RETURNING 1"""
    )
    lines = (await coord("watch", "demo", "--once")).out.splitlines()
    place = lines.index("Tasks, 1 of 32 completed")
    shown = [line.replace("%", "").split() for line in lines[place + 1 : place + 33]]
    assert [words[1] for words in shown[1:31]] == [f"c{number}" for number in range(10, 40)]
    assert ("b" in shown[0], "a" in shown[31]) == (True, True)
    async with living(service.url) as page:
        assert "Tasks, 1 of 32 completed  … " in drawn(page)


async def test_the_tasks_of_a_plan_that_is_handed_out_appear_and_go_on(service: Running) -> None:
    planner = service.agent("planner")
    await service.claim(planner, "a.py")
    async with living(service.url) as page:
        assert "Tasks" not in drawn(page)
        tasks = [HandedOut(f"t{number}", "Do it", "alice/impl_a", (), ()) for number in range(2)]
        await store.distribute(service.core.database, planner, "none", 1, tasks)
        await until(page, lambda text: "Tasks, 0 of 2 completed" in text and "t1  pending" in text)
        await agents.join(service.core, service.agent("impl_a"))
        await service.report(service.agent("impl_a"), "t1", 40, "well")
        await until(page, lambda text: "████░░░░░░  40%  t1" in text)


async def test_a_service_that_is_gone_is_said_above_the_last_page_until_it_is_back(
    own_service: Running,
) -> None:
    await own_service.claim(own_service.agent("planner"), "a.py")
    async with Gate() as gate:
        gate.behind = int(own_service.environment["PORT"])
        await gate.open()
        async with living(gate.url) as page:
            await gate.shut()
            text = await until(page, lambda text: "No service answers" in text)
            assert "old and may be wrong" in text
            assert "a.py" in text
            await own_service.claim(own_service.agent("impl_a"), "b.py")
            await gate.open()
            text = await until(page, lambda text: "What follows" not in text and "claimed b.py" in text)
            assert "2 agent(s)" in text


async def claimed(service: Running) -> bool:
    """Claim a file; a call that is under way at the wrong address may have opened its pool again."""
    try:
        await service.claim(service.agent("impl_a"), "b.py")
    except RetryLater:
        return False
    return True


async def test_a_service_that_cannot_answer_is_said_above_the_last_page_until_it_can(
    own_service: Running,
) -> None:
    await own_service.claim(own_service.agent("planner"), "a.py")
    async with living(own_service.url) as page:
        good = own_service.core.database.dsn
        own_service.move_database("postgresql://nobody@127.0.0.1:9/nowhere")
        text = await until(page, lambda text: "The database cannot answer now" in text)
        assert "old and may be wrong" in text
        own_service.move_database(good)
        while not await claimed(own_service):
            pass
        await until(page, lambda text: "claimed b.py" in text and "What follows" not in text)


async def test_a_session_that_is_deleted_ends_it(own_service: Running) -> None:
    await own_service.claim(own_service.agent("planner"), "a.py")
    async with living(own_service.url) as page:
        await own_service.core.database.fetch("DELETE FROM claude_code_sessions")
        with pytest.raises(RequestRefused) as refused:
            await until(page, lambda _: False)
    assert refused.value.code == "not_found"


async def test_a_burst_of_events_is_shown_at_once_and_read_together(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    status = ServiceClient.status

    def counted(*given: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        return status(*given, **more)

    await service.claim(service.agent("planner"), "a.py")
    with ServiceClient(service.url) as client:
        page = await asyncio.to_thread(lambda: LivePage(client, client.status("demo")))
        monkeypatch.setattr(ServiceClient, "status", counted)
        monkeypatch.setattr(live_page, "BURST_SECONDS", 600)
        (event,) = page.snapshot().events[-1:]
        for number in range(1, 31):
            page._news.put(replace(event, seq=event.seq + number))
            page.step()
        assert page.snapshot().events[-1].seq == event.seq + 30
        assert asked == 0
        monkeypatch.setattr(live_page, "BURST_SECONDS", 0)
        monkeypatch.setattr(live_page, "PRESENCE_SECONDS", 600)
        for _ in range(3):
            await asyncio.to_thread(page.step)
    assert asked == 1


@pytest.mark.parametrize(
    ("since_read", "changed", "seconds"), [(0.25, True, 0.75), (1.5, True, -0.5), (1.5, False, 3.5)]
)
def test_a_change_is_read_within_a_second_and_the_rest_within_five(
    since_read: float, changed: bool, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert due_in(since_read, changed=changed) == seconds
