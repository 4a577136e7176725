"""What one agent does all day: claim, wait, edit for a while, renew, release, report, and sometimes hang up."""

import asyncio
import random
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.history.checker import Lease, Recorder
from tests.torture.client import Answer, Connection
from tests.torture.service import MINUTE_SECONDS

FILES = (
    "src/a.py",
    "src/b.py",
    "src/c.py",
    "src/deep/d.py",
    "src/deep/e.py",
    "docs/f.md",
    "docs/g.md",
    "h.toml",
)
FOLDERS = ("src", "src/deep", "docs")
ANSWER_SECONDS = 20.0


class WorkingAgent:
    """One agent; `work` goes on until it is cancelled. `calls` counts what it did."""

    def __init__(self, number: int, session: str, ports: list[int], recorder: Recorder, seed: int) -> None:
        self._name = f"impl_{number}"
        self._session = session
        self._recorder = recorder
        self._random = random.Random(f"{seed}/{number}")
        self._connection = Connection(ports, session, self._name)
        self._held: set[str] = set()
        self.calls = 0

    async def work(self) -> None:
        """Act until cancelled."""
        actions = {self._claim: 10, self._release: 4, self._renew: 3, self._report: 2, self._look: 1}
        while True:
            (action,) = self._random.choices(list(actions), weights=list(actions.values()))
            await action()
            self.calls += 1
            await asyncio.sleep(self._random.expovariate(4))

    async def _claim(self) -> None:
        paths = self._random.sample(FILES, self._random.choice((1, 1, 1, 2, 3)))
        if self._random.random() < 0.15:
            paths = [self._random.choice(FOLDERS)]
        operation = self._random.choice(("write", "write", "write", "read", "delete"))
        wait = self._random.choice((0, 0, 1, 2, 5))
        minutes = self._random.choice((1, 1, 2, 5))
        number = self._recorder.invoke(
            self._name,
            f"local/{self._session}",
            f"alice/{self._name}",
            "claim",
            paths=paths,
            operation=operation,
            ttl_seconds=minutes * MINUTE_SECONDS,
            wait_seconds=wait,
        )
        impatient = wait > 0 and self._random.random() < 0.1
        answer = await self._connection.call(
            "claim_file_lock",
            {"file_paths": paths, "operation": operation, "wait_seconds": wait, "duration_minutes": minutes},
            timeout_seconds=self._random.uniform(0.05, wait) if impatient else ANSWER_SECONDS,
        )
        self._heard(number, answer)
        if answer.outcome == "ok":
            self._held.update(paths)

    async def _renew(self) -> None:
        await self._on_held("renew", {"duration_minutes": self._random.choice((1, 3))})

    async def _release(self) -> None:
        if await self._on_held("release", {}) == "ok":
            self._held.clear()

    async def _on_held(self, action: str, more: dict[str, Any]) -> str:
        paths = [] if self._random.random() < 0.5 else self._some_held()
        number = self._recorder.invoke(
            self._name,
            f"local/{self._session}",
            f"alice/{self._name}",
            action,
            paths=paths,
            ttl_seconds=more.get("duration_minutes", 1) * MINUTE_SECONDS,
        )
        answer = await self._connection.call(
            "claim_file_lock", {"action": action, "file_paths": paths, **more}, ANSWER_SECONDS
        )
        self._heard(number, answer)
        if answer.outcome != "ok":
            self._held.difference_update(paths)
        return answer.outcome

    async def _report(self) -> None:
        await self._connection.call(
            "sync_progress",
            {
                "task_id": f"t{self._random.randrange(20)}",
                "status": self._random.choice(("started", "completed")),
            },
            ANSWER_SECONDS,
        )

    async def _look(self) -> None:
        await self._connection.call("check_agent_status", {}, ANSWER_SECONDS)

    def _some_held(self) -> list[str]:
        return self._random.sample(sorted(self._held), 1) if self._held else [self._random.choice(FILES)]

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
