"""What one agent does all day: claim, wait, edit for a while, renew, release, work on tasks, sometimes hang up."""

import asyncio
import hashlib
import random
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from tests.history.checker import Lease, Recorder
from tests.torture.client import Answer, Caller
from tests.torture.service import MINUTE_SECONDS
from tests.torture.task_work import ANSWER_SECONDS, Board, TaskWork

FILES = (
    "src/a.py",
    "src/b.py",
    "src/c.py",
    "src/deep/d.py",
    "src/deep/e.py",
    "docs/f.md",
    "docs/g.md",
    "h.toml",
    "resource:deploy",
    "resource:port/5432",
)
FOLDERS = ("src", "src/deep", "docs", "resource:port")
LONG_THOUGHT_SECONDS = MINUTE_SECONDS * 1.1
"""Longer than the shortest lease, which the agent then takes for its own still."""


def checkout_of(session: str, number: int) -> str:
    """The header of an agent: a third works in each of two checkouts of its session, a third does not say."""
    return ("", f"here:/work/{session}", f"there:/work/{session}")[number % 3]


def hash_of(checkout: str) -> str:
    """The short hash by which a checkout is known."""
    return hashlib.sha256(checkout.encode()).hexdigest()[:12] if checkout else ""


class WorkingAgent:
    """One agent; `work` goes on until it is cancelled. `calls` counts what it did.

    `board` is shared by the agents of a session.
    """

    def __init__(
        self,
        name: str,
        session: str,
        checkout: str,
        ports: Sequence[int],
        recorder: Recorder,
        seed: int,
        board: Board,
    ) -> None:
        self._name = name
        self._session = session
        self._checkout = hash_of(checkout)
        self._recorder = recorder
        self._random = random.Random(f"{seed}/{session}/{name}")
        self._caller = Caller(ports, session, name, checkout)
        self._tasks = TaskWork(session, name, self._caller, recorder, self._random, board)
        self._held: set[str] = set()
        self.calls = 0

    async def work(self) -> None:
        """Act until cancelled, and then hang up."""
        actions = {self._claim: 10, self._release: 4, self._renew: 3, self._tasks.report: 7, self._look: 1}
        try:
            while True:
                (action,) = self._random.choices(list(actions), weights=list(actions.values()))
                await action()
                self.calls += 1
                thinks = self._random.random() < 0.1
                await asyncio.sleep(LONG_THOUGHT_SECONDS if thinks else self._random.expovariate(4))
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self._caller.hang_up()

    async def claim(
        self, paths: list[str], *, operation: Any, wait: int, minutes: int, patience: float
    ) -> str:
        """Claim, and note what was heard within `patience` seconds; returns the outcome."""
        wanted = {"paths": paths, "operation": operation, "ttl_seconds": minutes * MINUTE_SECONDS}
        number = self._invoke("claim", **wanted, wait_seconds=wait)
        answer = await self._caller.call(
            "claim_file_lock",
            {"file_paths": paths, "operation": operation, "wait_seconds": wait, "duration_minutes": minutes},
            timeout_seconds=patience,
        )
        self._heard(number, answer)
        return answer.outcome

    async def _claim(self) -> None:
        paths: list[str] = self._random.sample(FILES, self._random.choice((1, 1, 1, 2, 3)))
        kind = self._random.random()
        if kind < 0.15:
            paths = [self._random.choice(FOLDERS)]
        elif kind < 0.3:
            paths = [f"own/{self._name}.py"]  # nobody takes it over when it expired
        operation = self._random.choice(("write", "write", "write", "read", "delete"))
        wait = self._random.choice((0, 0, 1, 2, 5))
        minutes = self._random.choice((1, 1, 2, 5))
        impatient = wait > 0 and self._random.random() < 0.1
        patience = self._random.uniform(0.05, wait) if impatient else ANSWER_SECONDS
        outcome = await self.claim(paths, operation=operation, wait=wait, minutes=minutes, patience=patience)
        if outcome == "ok":
            self._held.update(paths)

    async def _renew(self) -> None:
        await self._on_held("renew", {"duration_minutes": self._random.choice((1, 3))})

    async def _release(self) -> None:
        if await self._on_held("release", {}) == "ok":
            self._held.clear()

    async def _on_held(self, action: str, more: dict[str, Any]) -> str:
        paths = [] if self._random.random() < 0.5 else self._some_held()
        ttl = more.get("duration_minutes", 1) * MINUTE_SECONDS
        number = self._invoke(action, paths=paths, ttl_seconds=ttl)
        answer = await self._caller.call(
            "claim_file_lock", {"action": action, "file_paths": paths, **more}, ANSWER_SECONDS
        )
        self._heard(number, answer)
        if answer.outcome != "ok":
            self._held.difference_update(paths)
        return answer.outcome

    async def _look(self) -> None:
        await self._caller.call("check_agent_status", {}, ANSWER_SECONDS)

    def _some_held(self) -> list[str]:
        return self._random.sample(sorted(self._held), 1) if self._held else [self._random.choice(FILES)]

    def _invoke(self, kind: str, **what: Any) -> int:
        session, agent = f"local/{self._session}", f"alice/{self._name}"
        return self._recorder.invoke(self._name, session, agent, kind, checkout=self._checkout, **what)

    def _heard(self, number: int, answer: Answer) -> None:
        leases = _leases(answer.content.get("locks") or ()) if answer.outcome == "ok" else ()
        self._recorder.complete(number, answer.outcome, code=answer.code, leases=leases)


def _leases(locks: Iterable[dict[str, Any]]) -> list[Lease]:
    """The leases of an answer; it tells instants to the second, the exact ones are joined afterwards."""
    return [
        Lease(
            path=lock["path"],
            token=lock["fencing_token"],
            operation=lock["operation"],
            expires_at=datetime.fromisoformat(lock["expires_at"]).timestamp(),
        )
        for lock in locks
    ]
