"""Plans that change under agents that work on their tasks, and a stream beside them, on a real Postgres, judged."""

import asyncio
import random

import pytest

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput, TaskTaken, TaskWaits
from coordination.domain.plan.task import PlannedTask
from coordination.domain.task import Report, TaskStatus
from coordination.services import plan, task
from coordination.services.core import Core
from coordination.services.event_stream import open_stream
from tests.conftest import administer
from tests.history.checker import AskedPlan, Header, History, Reader, Recorder, Rule, TaskReport, judge
from tests.history.database import read_end
from tests.history.scenario import SESSION, broken

AGENTS = 5
PLANS = 6
TASKS = 12


def agent(name: str) -> Agent:
    return Agent("local", "demo", "alice", name, "planner" if name == "planner" else "implementer", "claude")


class Done:
    """How many tasks are done, and whether there is anything more to do."""

    def __init__(self) -> None:
        self.count = 0
        self.over = False
        self._changed = asyncio.Condition()

    async def add(self) -> None:
        async with self._changed:
            self.count += 1
            self._changed.notify_all()

    async def reach(self, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self.count >= count)


class Implementer:
    """One agent that takes what it is given, and reaches for what another has."""

    def __init__(self, core: Core, recorder: Recorder, number: int) -> None:
        self.core, self.recorder = core, recorder
        self.agent = agent(f"impl_{chr(ord('a') + number)}")

    async def play(self, done: Done) -> None:
        while not done.over:
            mine = await self.sync(None)
            if mine:
                for status in (TaskStatus.STARTED, TaskStatus.BLOCKED, TaskStatus.COMPLETED):
                    await self.sync(Report(task_id=mine, status=status))
                await done.add()
            await self.sync(Report(task_id="anybody's", status=TaskStatus.STARTED))

    async def sync(self, report: Report | None) -> str:
        """Report, and return the next task that the answer offers, if it does."""
        told = None
        if report is not None and report.task_id is not None and report.status is not None:
            told = TaskReport(task=report.task_id, status=report.status.value)
        number = self.recorder.invoke(self.agent.name, SESSION, self.agent.id, "sync", report=told)
        try:
            synced = await task.sync(self.core, self.agent, report or Report())
        except (TaskTaken, TaskWaits, InvalidInput) as error:
            self.recorder.complete(number, "fail", code=error.code)
            return ""
        offered = "" if synced.next_task is None else synced.next_task.task_id
        self.recorder.complete(number, "ok", offered=offered)
        return offered


async def distribute(core: Core, recorder: Recorder, done: Done) -> None:
    """Hand out one plan after the other, each with other predecessors, while earlier ones are worked on."""
    dice = random.Random(7)  # noqa: S311 - a repeatable test, no secret
    planner = agent("planner")
    for revision in range(PLANS):
        names = [f"p{number}" for number in range(revision, revision + TASKS)]
        depends_on = {name: tuple(dice.sample(names[:at], min(at, 1))) for at, name in enumerate(names)}
        tasks = [PlannedTask(name, f"Do {name}", depends_on=others) for name, others in depends_on.items()]
        kept = await plan.analyse(core, planner, tasks)
        asked = AskedPlan(id=kept.id, depends_on=depends_on)
        number = recorder.invoke("planner", SESSION, planner.id, "distribute", plan=asked)
        await plan.distribute(core, planner, kept.id, None)
        recorder.complete(number, "ok")
        await done.reach(2 * revision + 2)


async def follow(core: Core, seen: list[tuple[int, str, float]]) -> None:
    """Read the stream of the session until cancelled."""
    with open_stream(core, "local") as stream:
        await stream.follow("demo", 0)
        while True:
            page = await stream.read()
            if page is None:
                await stream.wait(10)
                continue
            seen.extend((event.seq, event.kind, event.created_at.timestamp()) for event in page[1])


async def worked(core: Core, dsn: str, *, after: str = "SELECT") -> History:
    """Let everybody work, run one statement on what they left, and read everything."""
    recorder, done = Recorder(), Done()
    seen: list[tuple[int, str, float]] = []
    await task.sync(core, agent("planner"), Report())
    reading = asyncio.create_task(follow(core, seen))
    async with asyncio.TaskGroup() as together:
        for number in range(AGENTS):
            together.create_task(Implementer(core, recorder, number).play(done))
        await distribute(core, recorder, done)
        done.over = True
    end = await read_end(dsn)
    async with asyncio.timeout(30):
        while len(seen) < len(end.events):  # noqa: ASYNC110 - the stream tells nobody how far it has got
            await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await administer(dsn, after)
    end = await read_end(dsn)
    reader = Reader(
        id="stream",
        session=SESSION,
        seqs=tuple(seq for seq, _, _ in seen),
        told=tuple((kind, at) for _, kind, at in seen),
        until=end.events[-1].seq,
    )
    header = Header(events=True, tasks=True, snapshot_at=end.snapshot_at, clock_offset=0.0, clock_error=0.02)
    return recorder.history(header, events=end.events, readers=[reader], tasks=end.tasks)


async def test_agents_that_work_on_plans_keep_every_promise(core: Core, dsn: str) -> None:
    history = await worked(core, dsn)
    assert judge(history) == []
    kinds = {event.kind for event in history.events}
    assert {"task.started", "task.completed", "task.blocked", "task.unblocked", "plan.distributed"} <= kinds
    assert any(event.kept for event in history.events)
    assert any(call.code == "task_taken" for call in history.calls)


@pytest.mark.parametrize(
    ("after", "rule"),
    [
        ("UPDATE tasks SET status = 'pending', agent_id = NULL WHERE status = 'completed'", Rule.KEPT),
        ("UPDATE tasks SET agent_id = 'alice/stranger' WHERE id = 'anybody''s'", Rule.KEPT),
        ("UPDATE coordination_events SET kind = 'task.failed' WHERE kind = 'task.unblocked'", Rule.EVENTS),
    ],
    ids=["done tasks that are undone", "a task that changes hands", "events that are not what was told"],
)
async def test_tasks_that_are_spoilt_are_caught(core: Core, dsn: str, after: str, rule: Rule) -> None:
    assert rule in broken(await worked(core, dsn, after=after))
