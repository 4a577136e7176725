"""How the service stands, as the daemon knows it: reachable, away, or being started. It asks nobody by itself.

Whoever speaks to the service says what it met; whoever starts it says so. Requests that come meanwhile wait here.
"""

import asyncio
from typing import Final, Literal

State = Literal["reachable", "away", "starting"]

STARTING_SECONDS: Final = 20.0
"""For how long a request waits for a service that is being started."""


class ServiceState:
    """What is known of the service. Use it in one event loop.

    Args:
        state: what is known at first.
    """

    def __init__(self, state: State = "away") -> None:
        self._state: State = state
        self._changed = asyncio.Event()

    @property
    def state(self) -> State:
        """How it stands now."""
        return self._state

    def now(self, state: State) -> None:
        """Say how it stands from now on."""
        if state != self._state:
            self._state = state
            self._changed.set()
            self._changed = asyncio.Event()

    def met(self, *, answered: bool) -> None:
        """Say what somebody met who spoke to it; that nobody answers while it is being started is no news."""
        if answered:
            self.now("reachable")
        elif self._state != "starting":
            self.now("away")

    async def changed(self) -> State:
        """Wait until it stands otherwise, and return how."""
        await self._changed.wait()
        return self._state

    async def settled(self, seconds: float = STARTING_SECONDS) -> State:
        """Wait while it is being started, for so many seconds at most, and return how it stands."""
        try:
            async with asyncio.timeout(seconds):
                while self._state == "starting":
                    await self._changed.wait()
        except TimeoutError:
            pass
        return self._state
