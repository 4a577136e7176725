"""The broadcast of events through Supabase's Realtime, where a setting asks for it and the database can.

It runs beside the calls: what this process announced is sent a moment later, apart from the transactions that decide,
so nothing that goes wrong here reaches an event or whoever caused it. It is a hint, never the record. What could not be
sent is not sent later; what two processes saw may be sent twice; so a reader goes by the number that each message
carries, and reads the log for what is missing.
"""

import asyncio
import time
from collections import OrderedDict
from typing import Final, Literal

import structlog

from coordination.domain.errors import RetryLater
from coordination.services.trouble import Trouble
from coordination.store import realtime
from coordination.store.database import Database

TICK_SECONDS: Final = 0.02
LOOK_SECONDS: Final = 30.0
"""How long it is believed what the database was found to have: Realtime, and policies that confine it."""
MOST_SESSIONS: Final = 2_000
"""Of how many sessions it is remembered what was sent last; of another one the last seconds are sent."""
_log: Final = structlog.stdlib.get_logger(__name__)

SessionKey = tuple[str, str]
State = Literal["off", "sending", "absent", "no policies", "failing"]


class Broadcast:
    """Sends what is announced in this process.

    Attributes:
        state: `off` when nobody asked for it, `absent` when the database has no Realtime, `no policies` when anybody
            could listen, so that nothing is sent, `failing` when the last try failed.
    """

    def __init__(self, database: Database, *, wanted: bool) -> None:
        self._database = database
        self._wanted = wanted
        self._announced: set[SessionKey] = set()
        self._to_send = asyncio.Event()
        self._sent: OrderedDict[SessionKey, int] = OrderedDict()
        self._looked_at: float | None = None
        self._trouble = Trouble()
        self.state: State = "absent" if wanted else "off"

    def announced(self, workspace: str, session: str) -> None:
        """Take note that something was committed there."""
        if self._wanted:
            self._announced.add((workspace, session))
            self._to_send.set()

    async def run(self) -> None:
        """Send what was noted, once a tick, for ever."""
        if self._wanted:
            await self._look()
        while self._wanted:
            await self._to_send.wait()
            await asyncio.sleep(TICK_SECONDS)
            self._to_send.clear()
            keys, self._announced = self._announced, set()
            await self._look()
            for key in keys:
                if self.state == "sending":
                    await self._send(key)

    async def _look(self) -> None:
        now = time.monotonic()
        if self.state == "sending" and self._looked_at is not None and now - self._looked_at < LOOK_SECONDS:
            return
        try:
            self.state = await realtime.look(self._database)
            self._looked_at = now
        except Exception as error:
            self._failed(error)

    async def _send(self, key: SessionKey) -> None:
        sent = self._sent.pop(key, None)
        try:
            while (last := await realtime.send(self._database, *key, sent)) is not None:
                sent = last
        except Exception as error:
            self._failed(error)
            return
        self._trouble.over()
        if sent is not None:
            self._sent[key] = sent
            if len(self._sent) > MOST_SESSIONS:
                self._sent.popitem(last=False)

    def _failed(self, error: Exception) -> None:
        self.state = "failing"
        if isinstance(error, RetryLater):
            _log.debug("broadcast_dropped", why=error.message)
        elif fields := self._trouble.met(error):
            _log.error("broadcast_failed", **fields)
