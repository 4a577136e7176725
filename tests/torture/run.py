"""One run: start the services, let everybody work under faults, see that all is well again, gather what happened."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.history.checker import History, Reader, Recorder
from tests.torture import service
from tests.torture.agent import ANSWER_SECONDS, WorkingAgent, checkout_of
from tests.torture.client import UnforeseenAnswer
from tests.torture.evidence import gather
from tests.torture.faults import Faults
from tests.torture.person import RevokingPerson
from tests.torture.planner import Planner
from tests.torture.polling import Listener, PageReader
from tests.torture.processes import Services
from tests.torture.reader import EventReader
from tests.torture.streams import ServerSentReader, WebSocketReader
from tests.torture.task_work import Board
from tests.torture.weakening import WEAKENINGS, weaken

AGENTS: Final = 50
SESSIONS: Final = ("one", "two", "three")
FRESH: Final = "fresh/file.py"
RECOVERY_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: the seed, how long at least, and what to weaken first; a weakened run has no faults."""

    seed: int
    seconds: float
    weakenings: tuple[str, ...] = ()


@dataclass(slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        history: what clients heard and what the database says.
        broken: what went wrong beside it: answers that were not to be, services that did not recover.
        faults: how many of each happened.
        calls: how many operations agents carried out.
    """

    history: History = field(default_factory=History)
    broken: list[str] = field(default_factory=list[str])
    faults: Counter[str] = field(default_factory=Counter[str])
    calls: int = 0


class Run:
    """Everybody who takes part in one run, on two services below `folder`."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._services = Services(folder, service.WEAKENINGS.keys() & set(plan.weakenings))
        self._recorder = Recorder()
        self._unforeseen: dict[str, list[str]] = defaultdict(list)
        self._faults = Faults(self._services, self._recorder, plan.seed)
        self._boards = {session: Board() for session in SESSIONS}
        self._agents = [self._agent(number) for number in range(AGENTS)]
        self._readers = list(self._every_reader())
        self._planners = [
            Planner(session, self._turned(number), self._recorder, plan.seed, self._boards[session])
            for number, session in enumerate(SESSIONS)
        ]
        self._people = [
            RevokingPerson(session, self._names(session), self._turned(number), self._recorder, plan.seed)
            for number, session in enumerate(SESSIONS)
        ]

    async def carry_out(self) -> Outcome:
        """Run to the end, and stop everything that was started."""
        outcome = Outcome()
        try:
            await self._services.start()
            await weaken(self._services.dsn, WEAKENINGS.keys() & set(self._plan.weakenings))
            async with self._working(*(reader.follow for reader in self._readers)):
                await self._work()
                for reader in self._readers:
                    reader.settle()
                outcome.broken += await self._recover()
                outcome.history = await gather(
                    self._services.dsn, self._recorder.history(), f"seed {self._plan.seed}"
                )
                outcome.history = replace(outcome.history, readers=await self._finish(outcome.history))
        except (TimeoutError, UnforeseenAnswer) as error:
            outcome.broken.append(f"the run was cut short: {error!r}")
        finally:
            left = await asyncio.to_thread(self._services.stop)
        if left:
            outcome.broken.append("Postgres still runs after both services stopped")
        for answers in self._unforeseen.values():
            outcome.broken.append(f"{len(answers)} times such an answer: {answers[0]}")
        outcome.faults = self._faults.done
        outcome.calls = sum(agent.calls for agent in self._agents)
        return outcome

    async def _work(self) -> None:
        """Let everybody work until the faults are over."""
        async with self._working(
            *(agent.work for agent in self._agents),
            *(planner.work for planner in self._planners),
            *(person.work for person in self._people),
        ):
            if self._plan.weakenings:
                await asyncio.sleep(self._plan.seconds)
            else:
                await self._faults.inject(self._plan.seconds)

    @asynccontextmanager
    async def _working(self, *work: Callable[[], Awaitable[None]]) -> AsyncGenerator[None]:
        """Let them work beside the block, and stop them."""
        working = [asyncio.create_task(self._go_on(each)) for each in work]
        try:
            yield
        finally:
            for task in working:
                task.cancel()
            for ended in await asyncio.gather(*working, return_exceptions=True):
                if not isinstance(ended, asyncio.CancelledError):
                    self._unforeseen["somebody stopped working"].append(repr(ended))

    async def _go_on(self, work: Callable[[], Awaitable[None]]) -> None:
        """Work until cancelled, whatever comes back."""
        while True:
            try:
                await work()
            except UnforeseenAnswer as error:
                self._unforeseen[error.what].append(str(error))

    async def _recover(self) -> list[str]:
        """Ask each session on each service for a lease that nobody has: it must be granted now."""
        failures: list[str] = []
        for session in SESSIONS:
            for number, port in enumerate(self._services.ports):
                agent = WorkingAgent(
                    f"recovery_{number}", session, "", [port], self._recorder, self._plan.seed, Board()
                )
                outcome = await _granted(agent, f"{FRESH}.{number}")
                if outcome != "ok":
                    failures.append(f'service {number} answered "{outcome}" in session {session} at the end')
        return failures

    async def _finish(self, history: History) -> tuple[Reader, ...]:
        """Wait until every reader was told everything, and ask each what it was told."""
        last: Counter[str] = Counter()
        for event in history.events:
            session = event.session.removeprefix("local/")
            last[session] = max(last[session], event.seq)
        await asyncio.gather(*(reader.reached(last) for reader in self._readers))
        return tuple(account for reader in self._readers for account in reader.accounts(last))

    def _every_reader(self) -> Iterator[EventReader]:
        """Readers of every way: of each session, and where a connection can carry several, of all sessions."""
        for number, session in enumerate(SESSIONS):
            kinds = (PageReader, PageReader, ServerSentReader, WebSocketReader, Listener)
            for turn, kind in enumerate(kinds, start=number):
                name = f"{session}/{kind.way}/{turn}"
                yield kind(name, [session], self._turned(turn), self._plan.seed)
        for turn, kind in enumerate((ServerSentReader, WebSocketReader)):
            yield kind(f"all/{kind.way}", SESSIONS, self._turned(turn), self._plan.seed)

    def _agent(self, number: int) -> WorkingAgent:
        session = SESSIONS[number % len(SESSIONS)]
        checkout = checkout_of(session, number // len(SESSIONS))
        ports = self._turned(number)
        return WorkingAgent(
            _name(number), session, checkout, ports, self._recorder, self._plan.seed, self._boards[session]
        )

    def _names(self, session: str) -> list[str]:
        return [_name(number) for number in range(AGENTS) if SESSIONS[number % len(SESSIONS)] == session]

    def _turned(self, number: int) -> list[int]:
        ports = self._services.ports
        return ports if number % 2 == 0 else ports[::-1]


async def _granted(agent: WorkingAgent, path: str) -> str:
    """Claim a path, again as long as nothing was heard; returns the outcome."""
    until = time.monotonic() + RECOVERY_SECONDS
    try:
        while True:
            outcome = await agent.claim([path], operation="write", wait=0, minutes=1, patience=ANSWER_SECONDS)
            if outcome != "unknown" or time.monotonic() > until:
                return outcome
    finally:
        agent.hang_up()


def _name(number: int) -> str:
    """Name an agent as plans name those of a session: impl_a, impl_b and so on."""
    return f"impl_{chr(ord('a') + number // len(SESSIONS))}"
