"""Remembering answers for a moment: a question that many ask at once, and again and again, is looked up once a second.

An answer is forgotten so many seconds after it was asked for, whatever the look-up took; so what changes is known to
everybody after that time at the latest. Those who ask while a look-up is under way share it. Failures are not
remembered, and the oldest answers go when there are too many.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

Asked = TypeVar("Asked", bound=Hashable)
Answer = TypeVar("Answer")

MOST: Final = 10_000


class Briefly(Generic[Asked, Answer]):
    """Remembers what `look` answers.

    Args:
        look: finds an answer out.
        seconds: how old an answer may be.
        most: how many answers are remembered at once.
    """

    def __init__(
        self, look: Callable[[Asked], Awaitable[Answer]], *, seconds: float, most: int = MOST
    ) -> None:
        self._look = look
        self._seconds = seconds
        self._most = most
        self._known: dict[Asked, tuple[float, Answer]] = {}
        self._under_way: dict[Asked, asyncio.Task[Answer]] = {}

    async def ask(self, asked: Asked) -> Answer:
        """Return the answer to a question, at most so many seconds old. Raises what the look-up raises."""
        known = self._known.get(asked)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        looking = self._under_way.get(asked)
        if looking is None:
            looking = asyncio.create_task(self._find_out(asked))
            self._under_way[asked] = looking
            looking.add_done_callback(lambda done: self._over(asked, done))
        # One who goes away meanwhile takes the answer from nobody else.
        return await asyncio.shield(looking)

    def forget(self) -> None:
        """Forget all answers, those too that are being looked up."""
        self._known.clear()
        self._under_way.clear()

    async def _find_out(self, asked: Asked) -> Answer:
        until = time.monotonic() + self._seconds
        answer = await self._look(asked)
        if self._under_way.get(asked) is asyncio.current_task():
            self._known.pop(asked, None)
            self._known[asked] = until, answer
            while len(self._known) > self._most:
                del self._known[next(iter(self._known))]
        return answer

    def _over(self, asked: Asked, done: "asyncio.Task[Answer]") -> None:
        if self._under_way.get(asked) is done:
            del self._under_way[asked]
        if not done.cancelled():
            done.exception()  # whoever asked got it; nobody may be left
