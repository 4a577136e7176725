"""Readers of events, whatever way they read: what each was told, and that it goes on where it was.

A reader follows sessions from their beginning. Its connection is broken by faults, and now and then by itself; it comes
back on the other service with the cursor that it had. How events arrive is the business of the ways below
(`polling`, `streams`).
"""

import asyncio
import contextlib
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import httpx

from tests.history.checker import Reader
from tests.torture.client import UnforeseenAnswer

AGAIN_SECONDS = 0.2
PATIENCE_SECONDS = (1.0, 12.0)
"""How long a reader stays on one connection before it hangs up by itself."""
LAST_SECONDS = 10.0


@dataclass(slots=True)
class Seen:
    """What was told of one session, in the order in which it came."""

    seqs: list[int] = field(default_factory=list[int])
    told: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])

    @property
    def after(self) -> int:
        """The number of the last event."""
        return self.seqs[-1] if self.seqs else 0

    def take(self, event: Mapping[str, Any]) -> None:
        """Note one event."""
        self.seqs.append(event["seq"])
        self.told.append((event["kind"], datetime.fromisoformat(event["created_at"]).timestamp()))


class EventReader(ABC):
    """Follows some sessions; `follow` goes on until it is cancelled. `seen` is what it was told."""

    way: ClassVar[str]

    def __init__(self, name: str, sessions: Sequence[str], ports: Sequence[int], seed: int) -> None:
        self.name = name
        self.seen = {session: Seen() for session in sessions}
        self.random = random.Random(f"{seed}/{name}")
        self._ports = list(ports)
        self._news = asyncio.Event()
        self._resumed = 0
        self._settled = False
        self._patience: asyncio.Timeout | None = None

    @abstractmethod
    async def attend(self, port: int) -> None:
        """Read on one service from where `seen` ends, until it breaks.

        Raises:
            UnforeseenAnswer: the service said what it says to nobody.
        """

    async def follow(self) -> None:
        """Read until cancelled."""
        while True:
            patience = None if self._settled else self.random.uniform(*PATIENCE_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience) as self._patience:
                    await self.attend(self._ports[0])
            self._patience = None
            self._resumed += any(seen.seqs for seen in self.seen.values())
            self._ports = [*self._ports[1:], self._ports[0]]
            await asyncio.sleep(AGAIN_SECONDS)

    def settle(self) -> None:
        """Do not hang up any more."""
        self._settled = True
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(None)

    async def reached(self, last: Mapping[str, int]) -> None:
        """Return when everything up to these events was told, or when it takes too long.

        Args:
            last: by session the number of the last event.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                while any(seen.after < last.get(session, 0) for session, seen in self.seen.items()):
                    self._news.clear()
                    await self._news.wait()

    def accounts(self, last: Mapping[str, int]) -> list[Reader]:
        """Return what was told of each session, up to these events."""
        return [self._account(session, seen, last.get(session, 0)) for session, seen in self.seen.items()]

    def take(self, session: str, event: Mapping[str, Any]) -> None:
        """Note one event that was told."""
        self.seen[session].take(event)
        self._news.set()

    def _account(self, session: str, seen: Seen, last: int) -> Reader:
        known = [(seq, told) for seq, told in zip(seen.seqs, seen.told, strict=True) if seq <= last]
        return Reader(
            id=self.name,
            session=f"local/{session}",
            seqs=tuple(seq for seq, _ in known),
            told=tuple(told for _, told in known),
            until=last,
            way=self.way,
            resumed=self._resumed,
        )


@contextlib.asynccontextmanager
async def stream(method: str, url: str, **request: Any) -> AsyncGenerator[httpx.Response]:
    """Lend an answer whose body comes bit by bit, for as long as it comes."""
    patience = httpx.Timeout(LAST_SECONDS, read=None)
    client = httpx.AsyncClient(trust_env=False, verify=False, timeout=patience)  # noqa: S501 - there is no TLS
    async with client, client.stream(method, url, **request) as response:
        yield response


def foreseen(code: str, answer: Mapping[str, Any], *, also: Sequence[str] = ()) -> None:
    """Accept what a reader may be told under faults: come back later, or that nobody has begun the session yet.

    Raises:
        UnforeseenAnswer: it is something else.
    """
    if code not in {"no_answer", "retry_later", "not_found", *also}:
        raise UnforeseenAnswer(f'refusal "{code}" to a reader', answer)
