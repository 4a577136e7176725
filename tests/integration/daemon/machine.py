"""A developer's machine as tests have it: the daemon's link, its streams and its table, and a clock that can jump."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from coordination.client.errors import ServiceUnreachable
from coordination.client.service import ServiceClient
from coordination.daemon.clock import boot_seconds
from coordination.daemon.connection import Found, LinkState
from coordination.daemon.following import Following
from coordination.daemon.lease_table import LeaseTable
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.domain.checkout import parse_checkout
from coordination.domain.event import Event
from tests.integration.app.proxy import Gate
from tests.integration.cli.running import Running

LIMIT_SECONDS = 40
CHECKOUT = "laptop:/home/alice/project"
TREE = parse_checkout(CHECKOUT).key

T = TypeVar("T")


def local(name: str, *, session: str = "demo", pid: int = 4242) -> LocalAgent:
    return LocalAgent(session, "alice", name, TerminalKey(pid, "1700000000.25"))


class Clock:
    """Boot seconds of which a test can have more go by."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return boot_seconds() + self.ahead


@dataclass
class Halt:
    """Stops the next call that the daemon makes, before it is sent or before its answer is told.

    Attributes:
        before: whether it stops before it is sent.
        lost: whether the answer is lost in the end.
    """

    before: bool = False
    lost: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def run(self, work: Callable[[ServiceClient], T], client: ServiceClient) -> T:
        result = None if self.before else work(client)
        self.reached.set()
        assert self.go.wait(LIMIT_SECONDS)
        if self.before:
            result = work(client)
        if self.lost:
            raise ServiceUnreachable("the connection broke")
        return result  # pyright: ignore[reportReturnType]  it was called once, before or after

    async def until_reached(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, LIMIT_SECONDS)


class TestLink(Link):
    """A link whose calls are counted and can be stopped on their way."""

    __test__ = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.calls = 0
        self.halts: list[Halt] = []

    async def call(
        self,
        work: Callable[[ServiceClient], T],
        *,
        seconds: float,
        late: Callable[[T], None] | None = None,
    ) -> T:
        self.calls += 1
        halt = self.halts.pop(0) if self.halts else None

        def slow(client: ServiceClient) -> T:
            return work(client) if halt is None else halt.run(work, client)

        return await super().call(slow, seconds=seconds, late=late)

    def halt(self, *, before: bool = False, lost: bool = False) -> Halt:
        """Stop the next call that is made."""
        halt = Halt(before, lost)
        self.halts.append(halt)
        return halt


class Noted:
    """Notes what the streams tell."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, int | bool]] = asyncio.Queue()

    def on_event(self, session: str, event: Event) -> None:
        self.told.put_nowait((session, event.seq))

    def on_current(self, session: str, current: bool) -> None:
        self.told.put_nowait((session, current))


@dataclass
class Machine:
    """The parts of a daemon that hold leases, and what they told."""

    gate: Gate
    clock: Clock
    link: TestLink
    following: Following
    table: LeaseTable
    lost: list[tuple[str, tuple[str, ...], str]]
    needed: set[str]
    asked: list[tuple[str, str]]
    on_needed: list[Callable[[], Any]]

    async def reachable(self) -> None:
        """Return once the service answers."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while self.link.state is not LinkState.REACHABLE:
                self.link.look_now()
                await asyncio.sleep(0.01)

    async def settled(self, session: str = "demo") -> None:
        """Return once the table knows all of a session."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not self.table._reading.is_settled(session):  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.005)

    async def until(self, what: Callable[[], object]) -> None:
        """Return once something is so that an event brings about."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not what():  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.005)

    def deafen(self, session: str = "demo") -> None:
        """Let a session's stream die without a word, as connections do while a machine sleeps."""
        thread = self.following._sessions[session]._thread
        assert thread is not None
        thread.stop()

    def tokens(self) -> dict[str, int]:
        """What the table holds, by path."""
        return {own.lease.path: own.lease.fencing_token for own in self.table._core.book.held.values()}


@asynccontextmanager
async def machine(gate: Gate, *, run: bool = True) -> AsyncGenerator[Machine]:
    """A machine that finds the service behind a gate. Its table looks at its leases when the test says so."""
    clock = Clock()
    link = TestLink(lambda: Found(gate.url, None, None, "alice"), now=clock)
    lost: list[tuple[str, tuple[str, ...], str]] = []
    needed: set[str] = set()
    asked: list[tuple[str, str]] = []
    on_needed: list[Callable[[], Any]] = []

    async def needs(agent: LocalAgent, checkout: str, paths: Sequence[str]) -> AbstractSet[str]:
        asked.append((agent.name, checkout))
        while on_needed:
            await on_needed.pop()()
        return needed & set(paths)

    following = Following(link)
    table = LeaseTable(
        link, following, needs, lambda agent, paths, why: lost.append((agent.name, paths, why)), now=clock
    )
    searching = asyncio.create_task(link.run()) if run else None
    try:
        yield Machine(gate, clock, link, following, table, lost, needed, asked, on_needed)
    finally:
        if searching is not None:
            searching.cancel()
            with suppress(asyncio.CancelledError):
                await searching
        await table.close()
        following.close()
        # What is under way would be done in the next test's database.
        await asyncio.to_thread(link._pool.shutdown)
        link.close()


@asynccontextmanager
async def beside(service: Running, **options: Any) -> AsyncGenerator[Machine]:
    """A machine that has reached a running service."""
    async with Gate() as gate:
        gate.behind = int(service.url.rpartition(":")[2])
        await gate.open()
        async with machine(gate, **options) as one:
            await one.reachable()
            yield one
