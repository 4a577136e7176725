"""What one agent does about tasks: takes the next one that it is given, reports on it, ends it, starts it again.

Now and then it reaches for a task that a colleague began, which it gets only when that one has ended it, or for one
that waits for others, which it gets only when those are completed. Else it begins no task that nobody gave it. Some
tasks are in no plan: whoever likes takes those.
"""

import random
from dataclasses import dataclass, field

from tests.history.checker import Recorder, TaskReport
from tests.history.checker.records import TaskStatus
from tests.torture.client import Answer, Caller, UnforeseenAnswer

ANSWER_SECONDS = 20.0
UNPLANNED = 20
_REPORTS: dict[TaskStatus, int] = {"completed": 10, "in_progress": 4, "blocked": 2, "failed": 2, "started": 1}
_UNPLANNED_REPORTS: tuple[TaskStatus, ...] = ("started", "completed")


@dataclass(slots=True)
class Board:
    """What everybody in a session knows of its planned tasks.

    Attributes:
        begun: those that somebody began.
        waiting: those of the last plan that wait for others, or did when it was handed out.
    """

    begun: list[str] = field(default_factory=list[str])
    waiting: list[str] = field(default_factory=list[str])


class TaskWork:
    """The tasks of one agent.

    Args:
        name: of the agent.
        board: shared with all agents of the session.
    """

    def __init__(
        self,
        session: str,
        name: str,
        caller: Caller,
        recorder: Recorder,
        dice: random.Random,
        board: Board,
    ) -> None:
        self._who = (name, f"local/{session}", f"alice/{name}")
        self._caller = caller
        self._recorder = recorder
        self._random = dice
        self._board = board
        self._mine: list[str] = []
        self._failed: list[str] = []
        self._offered = ""

    async def report(self) -> None:
        """Report a few times, each on some task, or ask for the next one."""
        for _ in range(self._random.randint(1, 3)):
            await self._report()

    async def _report(self) -> None:
        kind = self._random.random()
        if kind < 0.15:
            task = f"t{self._random.randrange(UNPLANNED)}"
            await self._sync(TaskReport(task=task, status=self._random.choice(_UNPLANNED_REPORTS)))
        elif kind < 0.22 and self._board.begun:
            await self._take(self._random.choice(self._board.begun))
        elif kind < 0.26 and self._board.waiting:
            await self._take(self._random.choice(self._board.waiting))
        elif self._mine:
            (status,) = self._random.choices(list(_REPORTS), weights=list(_REPORTS.values()))
            await self._go_on(TaskReport(task=self._random.choice(self._mine), status=status))
        elif self._failed:
            await self._take(self._failed.pop())
        else:
            if not self._offered:
                await self._sync(None)
            if self._offered:
                await self._take(self._offered)

    async def _take(self, task: str) -> None:
        self._offered = ""
        answer = await self._sync(TaskReport(task=task, status="started"))
        # What heard nothing may have been begun: the agent goes on as if it had.
        if answer.outcome != "fail" and task not in self._mine:
            self._mine.append(task)
        if answer.outcome == "ok":
            self._board.begun.append(task)

    async def _go_on(self, report: TaskReport) -> None:
        answer = await self._sync(report)
        ended = answer.outcome == "ok" and report.status in {"completed", "failed"}
        if ended or answer.outcome == "fail":
            self._mine.remove(report.task)
        if ended and report.status == "failed":
            self._failed.append(report.task)

    async def _sync(self, report: TaskReport | None) -> Answer:
        number = self._recorder.invoke(*self._who, "sync", report=report)
        asked = {} if report is None else {"task_id": report.task, "status": report.status}
        answer = await self._caller.call("sync_progress", asked, ANSWER_SECONDS)
        if answer.outcome == "ok":
            following: dict[str, str] | None = answer.content.get("next_task")
            self._offered = "" if following is None else following["task_id"]
            self._recorder.complete(number, "ok", offered=self._offered)
            return answer
        self._recorder.complete(number, answer.outcome, code=answer.code)
        # Taken, or closed: of a task that another has or ended.
        if answer.outcome == "fail" and answer.code not in {"task_taken", "task_waits", "invalid_input"}:
            raise UnforeseenAnswer(f'refusal "{answer.code}" to a report', answer.content)
        return answer
