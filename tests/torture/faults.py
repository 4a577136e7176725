"""Faults, from a seed: services and Postgres killed, and stopped for longer than a lease lasts; connections cut.

They come in rounds. A round has every kind once and one pair of faults that overlap, in a shuffled order, so that no
run ends without any of them.
"""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from tests.history.checker import Recorder
from tests.torture.processes import Services
from tests.torture.service import MINUTE_SECONDS

PAUSE_SECONDS: Final = (1.5, 4.0)
STOP_SECONDS: Final = (MINUTE_SECONDS * 1.2, MINUTE_SECONDS * 2.0)
ONE_SECONDS: Final = 6.0
"""About what a fault takes with its recovery; none begins so shortly before the end."""
KINDS: Final[tuple[str, ...]] = (
    "kill service",
    "stop service",
    "kill postgres",
    "stop postgres",
    "cut connections",
)
PAIRS: Final[tuple[str, ...]] = (
    "kill service while postgres is stopped",
    "kill postgres while a service is stopped",
)


class Faults:
    """Injects one fault after another; each is recorded with its recovery. `done` counts those that happened."""

    def __init__(self, services: Services, recorder: Recorder, seed: int) -> None:
        self._services = services
        self._recorder = recorder
        self._random = random.Random(f"{seed}/faults")
        self.done: Counter[str] = Counter()

    async def inject(self, seconds: float) -> None:
        """Go on for about that many seconds, but not before one round is over.

        Raises:
            TimeoutError: a service did not recover.
        """
        until = time.monotonic() + seconds - ONE_SECONDS
        while time.monotonic() < until:
            for name in self._round():
                await asyncio.sleep(self._random.uniform(*PAUSE_SECONDS))
                if time.monotonic() > until and self.done.total() > len(KINDS):
                    return
                await self._one(name)

    def _round(self) -> list[str]:
        names = [*KINDS, self._random.choice(PAIRS)]
        self._random.shuffle(names)
        return names

    async def _one(self, name: str) -> None:
        kinds: dict[str, Callable[[], Awaitable[bool]]] = {
            "kill service": self._kill_service,
            "stop service": self._stop_service,
            "kill postgres": self._kill_postgres,
            "stop postgres": self._stop_postgres,
            "cut connections": self._cut_connections,
            PAIRS[0]: self._kill_service_while_postgres_is_stopped,
            PAIRS[1]: self._kill_postgres_while_a_service_is_stopped,
        }
        began = time.time()
        happened = await kinds[name]()
        await self._services.ready()
        self._recorder.fault(began, time.time(), name)
        self.done[name] += happened

    async def _kill_service(self) -> bool:
        number = self._random.randrange(2)
        killed = self._services.signal_service(number, signal.SIGKILL)
        self._services.start_one(number)
        return killed

    async def _stop_service(self, meanwhile: Callable[[], Awaitable[bool]] | None = None) -> bool:
        number = self._random.randrange(2)
        stopped = self._services.signal_service(number, signal.SIGSTOP)
        try:
            both = meanwhile is None or await meanwhile()
            await asyncio.sleep(self._random.uniform(*STOP_SECONDS))
        finally:
            self._services.signal_service(number, signal.SIGCONT)
        return stopped and both

    async def _kill_postgres(self) -> bool:
        return self._services.kill_postgres()

    async def _stop_postgres(self, meanwhile: Callable[[], Awaitable[bool]] | None = None) -> bool:
        with self._services.postgres_stopped() as stopped:
            both = meanwhile is None or await meanwhile()
            await asyncio.sleep(self._random.uniform(*STOP_SECONDS))
        return stopped and both

    async def _cut_connections(self) -> bool:
        return await self._services.cut_connections(self._random.choice((0.2, 0.5, 1.0))) > 0

    async def _kill_service_while_postgres_is_stopped(self) -> bool:
        return await self._stop_postgres(self._kill_service)

    async def _kill_postgres_while_a_service_is_stopped(self) -> bool:
        return await self._stop_service(self._kill_postgres)
