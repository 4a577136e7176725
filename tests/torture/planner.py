"""The planner of a session: it analyses tasks, hands them out, and soon hands out another plan.

A plan is a window on an endless row of tasks that moves on. So a new plan has tasks that are done, tasks that somebody
has, tasks that nobody began and whose predecessors are others now, and new ones.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

from tests.history.checker import AskedPlan, Recorder
from tests.torture.agent import ANSWER_SECONDS
from tests.torture.client import Answer, Caller, UnforeseenAnswer
from tests.torture.task_work import Board

TASKS = (20, 40)
MOVES_ON = 6
SHARED_FILES = 4
PAUSES_PER_SECOND = 0.4


class Planner:
    """One planner; `work` goes on until it is cancelled. It says on the `board` which tasks wait for others."""

    def __init__(
        self, session: str, ports: Sequence[int], recorder: Recorder, seed: int, board: Board
    ) -> None:
        self._board = board
        self._session = session
        self._recorder = recorder
        self._random = random.Random(f"{seed}/{session}/planner")
        self._caller = Caller(ports, session, "planner")
        self._first = 0

    async def work(self) -> None:
        """Plan again and again."""
        try:
            while True:
                await self._plan()
                self._first += self._random.randrange(MOVES_ON)
                await asyncio.sleep(self._random.expovariate(PAUSES_PER_SECOND))
        finally:
            self._caller.hang_up()

    async def _plan(self) -> None:
        depends_on = self._wanted()
        tasks = [self._task(id_, others) for id_, others in depends_on.items()]
        analysed = await self._caller.call("analyze_task_conflicts", {"tasks": tasks}, ANSWER_SECONDS)
        if analysed.outcome != "ok":
            _require(analysed, ())
            return
        plan = AskedPlan(id=analysed.content["analysis_id"], depends_on=depends_on)
        most = analysed.content["recommended_agent_count"]
        agents = self._random.randint(2, most) if most > 2 and self._random.random() < 0.5 else None
        # A planner whose answer was lost says it again, and so does one now and then for no reason.
        while await self._distribute(plan, agents) == "unknown" or self._random.random() < 0.2:
            await asyncio.sleep(self._random.expovariate(4))

    async def _distribute(self, plan: AskedPlan, agents: int | None) -> str:
        session = f"local/{self._session}"
        number = self._recorder.invoke("planner", session, "alice/planner", "distribute", plan=plan)
        more = {} if agents is None else {"preferred_agent_count": agents}
        answer = await self._caller.call(
            "create_task_distribution", {"analysis_id": plan.id, **more}, ANSWER_SECONDS
        )
        self._recorder.complete(number, answer.outcome, code=answer.code)
        if answer.outcome == "ok":
            self._board.waiting = [task for task, others in plan.depends_on.items() if others]
        _require(answer, ("invalid_input",) if agents is not None else ())
        return answer.outcome

    def _wanted(self) -> dict[str, tuple[str, ...]]:
        """The tasks of the next plan, each with those that must be completed before."""
        numbers = range(self._first, self._first + self._random.randint(*TASKS))
        wanted: dict[str, tuple[str, ...]] = {}
        for number in numbers:
            before = list(wanted)[-6:]
            many = min(len(before), self._random.choice((0, 0, 1, 1, 2)))
            wanted[f"p{number}"] = tuple(self._random.sample(before, many))
        return wanted

    def _task(self, id_: str, others: Sequence[str]) -> Mapping[str, Any]:
        shared = f"shared/{self._random.randrange(SHARED_FILES)}.py"
        files = [shared] if self._random.random() < 0.2 else []
        return {"id": id_, "description": f"Do {id_}", "depends_on": list(others), "files": files}


def _require(answer: Answer, refusals: Sequence[str]) -> None:
    if answer.outcome == "fail" and answer.code not in refusals:
        raise UnforeseenAnswer(f'refusal "{answer.code}" to a planner', answer.content)
