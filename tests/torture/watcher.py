"""Those who are no agents: readers who follow a session's events by cursor, and a person who takes leases away."""

import asyncio
import contextlib
import random
from collections.abc import Sequence

from tests.history.checker import Reader, Recorder
from tests.history.database import lease_of
from tests.torture.agent import ANSWER_SECONDS, FILES, FOLDERS
from tests.torture.client import Answer, Connection, UnforeseenAnswer

PAGE = (1, 7, 50)
WAIT_SECONDS = (0, 1, 5)
AGAIN_SECONDS = 0.2


class EventReader:
    """Follows one session from its beginning; after a lost answer it goes on from its cursor, on the other service."""

    def __init__(self, name: str, session: str, ports: Sequence[int], seed: int) -> None:
        self._name = name
        self.session = session
        self._connection = Connection(ports)
        self._random = random.Random(f"{seed}/{name}")
        self._seqs: list[int] = []
        self._after = 0

    async def follow(self) -> None:
        """Read until cancelled; what was answered when that happens is not lost but asked for again."""
        try:
            while True:
                await self._read(self._random.choice(PAGE), self._random.choice(WAIT_SECONDS))
        finally:
            self._connection.hang_up()

    async def finish(self, last: int) -> Reader:
        """Read up to event `last`, and give everything that was seen up to there; not for ever if it does not come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                while self._after < last:
                    await self._read(max(PAGE), 0)
        self._connection.hang_up()
        seen = tuple(seq for seq in self._seqs if seq <= last)
        return Reader(id=self._name, session=f"local/{self.session}", seqs=seen, until=last)

    async def _read(self, limit: int, wait: int) -> None:
        asked = f"after={self._after}&limit={limit}&wait_seconds={wait}"
        answer = await self._connection.rest(
            "GET", f"/sessions/{self.session}/events?{asked}", timeout_seconds=ANSWER_SECONDS
        )
        if answer.outcome != "ok":
            _require({"no_answer", "retry_later", "not_found"}, answer)
            await asyncio.sleep(AGAIN_SECONDS)
            return
        self._seqs.extend(event["seq"] for event in answer.content["events"])
        self._after = answer.content["next_after"]


class RevokingPerson:
    """Takes leases away in one session: now of a path, now of an agent."""

    def __init__(
        self, session: str, agents: Sequence[str], ports: Sequence[int], recorder: Recorder, seed: int
    ) -> None:
        self._session = session
        self._agents = list(agents)
        self._connection = Connection(ports)
        self._recorder = recorder
        self._random = random.Random(f"{seed}/{session}/person")

    async def work(self) -> None:
        """Act until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._random.expovariate(1))
                if self._random.random() < 0.7:
                    await self._revoke(self._random.sample((*FILES, *FOLDERS), 3), None)
                else:
                    await self._revoke(None, f"alice/{self._random.choice(self._agents)}")
        finally:
            self._connection.hang_up()

    async def _revoke(self, paths: list[str] | None, agent: str | None) -> None:
        number = self._recorder.invoke("person", f"local/{self._session}", "bob", "revoke", paths=paths or ())
        wish = {"paths": paths, "agent": agent, "by": "bob"}
        body = {name: value for name, value in wish.items() if value is not None}
        answer = await self._connection.rest(
            "POST", f"/sessions/{self._session}/locks/revoke", body, timeout_seconds=ANSWER_SECONDS
        )
        if answer.outcome != "ok":
            _require({"no_answer", "retry_later", "not_found"}, answer)
        leases = [lease_of(lock) for lock in answer.content.get("revoked", ())]
        self._recorder.complete(number, answer.outcome, code=answer.code, leases=leases)


def _require(codes: set[str], answer: Answer) -> None:
    if answer.code not in codes:
        raise UnforeseenAnswer(f'refusal "{answer.code}"', answer.content)
