"""A person who takes leases away."""

import asyncio
import random
from collections.abc import Sequence

from tests.history.checker import Recorder
from tests.history.database import lease_of
from tests.torture.agent import ANSWER_SECONDS, FILES, FOLDERS
from tests.torture.client import Answer, Connection, UnforeseenAnswer


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
