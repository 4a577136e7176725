"""The service's use cases on a real Postgres, many agents at once, judged by the checker."""

import asyncio
import random

import pytest

from coordination.domain import file_lock as values
from coordination.domain.agent import Agent
from coordination.domain.errors import LeaseLost, WaitCycle
from coordination.domain.path import normalise_all
from coordination.services import file_lock
from coordination.services.core import Core
from tests.conftest import administer
from tests.history.checker import Header, History, Lease, Recorder, Rule, judge
from tests.history.database import read_end, with_presence
from tests.history.scenario import broken

PATHS = ("src", "src/a.py", "src/b.py", "src/deep/c.py", "docs", "docs/d.md", "resource:deploy", ".")


def lease(granted: values.Lease) -> Lease:
    return Lease(
        path=granted.key,
        token=granted.fencing_token,
        operation=granted.operation.value,
        checkout=granted.checkout,
        granted_at=granted.granted_at.timestamp(),
        expires_at=granted.expires_at.timestamp(),
    )


class Player:
    """One agent that plays at random and notes what it hears."""

    def __init__(self, core: Core, recorder: Recorder, number: int, seed: int, seconds: int) -> None:
        self.core, self.recorder, self.seconds = core, recorder, seconds
        self.dice = random.Random(seed * 1000 + number)  # noqa: S311 - a repeatable test, no secret
        session = f"demo{number % 2}"
        # Most share a checkout, which belongs to their session; some have another; some do not say.
        checkout = {6: "bbbbbbbbbbb", 7: "bbbbbbbbbbb", 8: None}.get(number % 9, "aaaaaaaaaaa")
        checkout = "" if checkout is None else checkout + session[-1]
        self.agent = Agent(
            "local", session, "alice", f"agent{number}", "implementer", "claude", checkout=checkout
        )

    async def play(self, moves: int) -> None:
        for _ in range(moves):
            await self.dice.choice((self.claim, self.claim, self.claim, self.renew, self.release))()

    async def claim(self) -> None:
        weights = [1.0] * (len(PATHS) - 1) + [0.05]
        chosen = set(self.dice.choices(PATHS, weights, k=self.dice.randint(1, 3)))
        paths = tuple(sorted(normalise_all(sorted(chosen)), key=lambda path: path.key))
        operation = self.dice.choice(list(values.Operation))
        ttl, wait = self.dice.randint(1, self.seconds), self.dice.choice((0.0, 0.0, 0.5, 1.5))
        number = self.recorder.invoke(
            self.agent.name,
            f"local/{self.agent.session}",
            self.agent.id,
            "claim",
            paths=[path.key for path in paths],
            checkout=self.agent.checkout,
            operation=operation.value,
            ttl_seconds=ttl,
            wait_seconds=wait,
        )
        try:
            wanted = values.Claim(paths=paths, operation=operation, ttl_seconds=ttl)
            outcome = await file_lock.claim(self.core, self.agent, wanted, wait_seconds=wait)
        except WaitCycle as error:
            self.recorder.complete(number, "fail", code=error.code)
            return
        if isinstance(outcome, values.Granted):
            self.recorder.complete(number, "ok", leases=map(lease, outcome.leases))
        else:
            self.recorder.complete(number, "held")

    async def renew(self) -> None:
        number = self.begin("renew")
        leases = await file_lock.renew(self.core, self.agent, None, self.dice.randint(1, self.seconds))
        self.recorder.complete(number, "ok", leases=map(lease, leases))

    async def release(self) -> None:
        path = self.dice.choice((*PATHS, None, None))
        number = self.begin("release", *([] if path is None else [path]))
        paths = None if path is None else normalise_all([path])
        try:
            leases = await file_lock.release(self.core, self.agent, paths)
        except LeaseLost as error:
            self.recorder.complete(number, "fail", code=error.code)
        else:
            self.recorder.complete(number, "ok", leases=map(lease, leases))

    def begin(self, kind: str, *paths: str) -> int:
        session, checkout = f"local/{self.agent.session}", self.agent.checkout
        return self.recorder.invoke(
            self.agent.name, session, self.agent.id, kind, paths=paths, checkout=checkout
        )


async def played(
    core: Core, dsn: str, *, agents: int, moves: int, seed: int, seconds: int = 3, after: str = "SELECT"
) -> History:
    """Let agents play, run one statement on what they left, and read everything."""
    recorder = Recorder()
    players = [Player(core, recorder, number, seed, seconds) for number in range(agents)]
    async with asyncio.TaskGroup() as together:
        for player in players:
            together.create_task(player.play(moves))
    await administer(dsn, after)
    end = await read_end(dsn)
    header = Header(
        events=True, waiters=True, snapshot_at=end.snapshot_at, clock_offset=0.0, clock_error=0.02
    )
    calls = recorder.history().calls
    waiters = with_presence(end.waiters, calls, header)
    return recorder.history(header, events=end.events, waiters=waiters, locks=end.locks)


async def test_what_many_agents_did_at_once_kept_every_promise(core: Core, dsn: str) -> None:
    history = await played(core, dsn, agents=20, moves=8, seed=1)
    assert judge(history) == []
    outcomes = {(call.kind, call.outcome) for call in history.calls}
    assert {("claim", "ok"), ("claim", "held"), ("renew", "ok"), ("release", "ok")} <= outcomes
    assert len(history.events) > len(history.waiters) > 0


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("ALTER SEQUENCE coordination_fencing_token INCREMENT -1 MINVALUE -9999", "SELECT", Rule.FENCING),
        ("SELECT", "DELETE FROM coordination_events WHERE seq = 2", Rule.EVENTS),
        ("SELECT", "UPDATE file_locks SET fencing_token = fencing_token + 1000", Rule.DURABILITY),
    ],
    ids=["tokens that shrink", "an event that is lost", "leases that are lost"],
)
async def test_a_service_that_is_broken_is_caught(
    core: Core, dsn: str, before: str, after: str, rule: Rule
) -> None:
    await administer(dsn, before)
    history = await played(core, dsn, agents=6, moves=4, seed=2, seconds=60, after=after)
    assert rule in broken(history)
