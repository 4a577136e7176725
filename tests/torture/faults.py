"""Faults, from a seed: services and Postgres killed, and stopped for longer than a lease lasts."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from tests.history.checker import Recorder
from tests.torture.processes import Services
from tests.torture.service import MINUTE_SECONDS

PAUSE_SECONDS = (2.0, 5.0)
STOP_SECONDS = (MINUTE_SECONDS * 1.2, MINUTE_SECONDS * 2.0)


class Faults:
    """Injects one fault after another until cancelled; each is recorded with its recovery."""

    def __init__(self, services: Services, recorder: Recorder, seed: int) -> None:
        self._services = services
        self._recorder = recorder
        self._random = random.Random(f"{seed}/faults")
        self.done: Counter[str] = Counter()

    async def inject(self) -> None:
        """Go on until cancelled; the fault under way is finished first."""
        kinds = {
            "kill service": self._kill_service,
            "stop service": self._stop_service,
            "kill postgres": self._kill_postgres,
            "stop postgres": self._stop_postgres,
        }
        while True:
            await asyncio.sleep(self._random.uniform(*PAUSE_SECONDS))
            name = self._random.choice(sorted(kinds))
            await asyncio.shield(asyncio.create_task(self._one(name, kinds[name])))

    async def _one(self, name: str, action: Callable[[], Awaitable[None]]) -> None:
        began = time.time()
        await action()
        await self._services.ready()
        self._recorder.fault(began, time.time(), name)
        self.done[name] += 1

    async def _kill_service(self) -> None:
        number = self._random.randrange(2)
        self._services.signal_service(number, signal.SIGKILL)
        self._services.start_one(number)

    async def _stop_service(self) -> None:
        number = self._random.randrange(2)
        self._services.signal_service(number, signal.SIGSTOP)
        try:
            await asyncio.sleep(self._random.uniform(*STOP_SECONDS))
        finally:
            self._services.signal_service(number, signal.SIGCONT)

    async def _kill_postgres(self) -> None:
        self._services.signal_postgres(signal.SIGKILL)

    async def _stop_postgres(self) -> None:
        if not self._services.signal_postgres(signal.SIGSTOP):
            return
        try:
            await asyncio.sleep(self._random.uniform(*STOP_SECONDS))
        finally:
            self._services.signal_postgres(signal.SIGCONT)
