"""Group commit: calls that decide on one session and meet go to the database together.

Every decision on a session waits for that session's lock. Sent at once on several connections, such calls only queue
up inside Postgres, each with a connection, a lock wait, a commit and a flush of its own. So a process has one call or
one group of a session and statement on its way; what arrives meanwhile makes up the next group: one round trip, one
transaction, one commit. Each call is still decided by itself, in the order of arrival, and sees what those before it
wrote; nobody is answered before the commit.

A group in which one call is refused is undone as a whole by the database, and its calls are then made one by one. What
a statement means is not known here.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Final, Protocol

from coordination.domain.errors import RetryLater

MOST_CALLS: Final = 5
"""Few: one group is answered while the next is decided; with all in one, server and database wait for each other."""
MOST_CHARACTERS: Final = 16_000
"""A group is sent by one write: a stopped process must not hold a session's lock with half of a group sent."""

SessionKey = tuple[str, str]
Arguments = Sequence[object]


class Undone(Exception):
    """The database undid a whole group for a reason that no call of it has when it is made alone."""


class Statements(Protocol):
    """Where calls go: one statement once, or several times in one transaction."""

    async def fetch_json(self, statement: str, *arguments: object) -> bytes:
        """Run a statement that answers one JSON value."""
        ...

    async def fetch_jsons(self, statement: str, calls: Sequence[Arguments]) -> list[bytes]:
        """Run a statement for each of `calls` in one transaction; one that fails undoes all.

        Raises:
            RetryLater: nobody knows whether it was done, or it is no use to try again now.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Call:
    arguments: Arguments
    answer: "asyncio.Future[bytes]"


class GroupCommit:
    """Sends calls of one session and statement together when they meet.

    Args:
        statements: where they go.
        seconds: how long a call waits for its answer, with the time in which it waits for other groups.
    """

    def __init__(self, statements: Statements, *, seconds: float) -> None:
        self._statements = statements
        self._seconds = seconds
        self._lines: dict[tuple[SessionKey, str], deque[_Call]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def fetch_json(self, session: SessionKey, statement: str, *arguments: object) -> bytes:
        """Run a statement that decides on a session; at once when no other is on its way.

        Raises:
            RetryLater: no answer came in time. Other errors are those of `Statements.fetch_json`.
        """
        key = (session, statement)
        line = self._lines.get(key)
        if line is not None:
            return await self._in_line(line, arguments)
        self._lines[key] = line = deque[_Call]()
        try:
            return await self._statements.fetch_json(statement, *arguments)
        finally:
            if line:
                task = asyncio.create_task(self._send_groups(key, line))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            else:
                del self._lines[key]

    async def _in_line(self, line: deque[_Call], arguments: Arguments) -> bytes:
        loop = asyncio.get_running_loop()
        call = _Call(arguments, loop.create_future())
        line.append(call)
        deadline = loop.call_later(self._seconds, self._give_up, call)
        try:
            return await call.answer
        finally:
            deadline.cancel()

    def _give_up(self, call: _Call) -> None:
        late = f"The database did not answer within {self._seconds:g} seconds; nothing was acknowledged."
        _fail([call], RetryLater(late))

    async def _send_groups(self, key: tuple[SessionKey, str], line: deque[_Call]) -> None:
        try:
            while group := _next_group(line):
                await self._send(key[1], group)
        finally:
            del self._lines[key]

    async def _send(self, statement: str, group: list[_Call]) -> None:
        try:
            answers = await self._statements.fetch_jsons(statement, [call.arguments for call in group])
        except RetryLater as error:
            _fail(group, error)
        except Exception as error:
            if len(group) == 1:
                _fail(group, error)
                return
            # One was refused, so none was done: each that still waits learns its own answer.
            for call in group:
                if not call.answer.done():
                    await self._send(statement, [call])
        else:
            _answer(group, answers)


def _answer(group: list[_Call], answers: list[bytes]) -> None:
    for call, answer in zip(group, answers, strict=True):
        if not call.answer.done():
            call.answer.set_result(answer)


def _fail(group: list[_Call], error: Exception) -> None:
    for call in group:
        if not call.answer.done():
            call.answer.set_exception(copy(error))


def _next_group(line: deque[_Call]) -> list[_Call]:
    """Take the calls that go together next; those whose callers no longer wait are left out, unsent."""
    group: list[_Call] = []
    room = MOST_CHARACTERS
    while line and len(group) < MOST_CALLS:
        if line[0].answer.done():
            line.popleft()
            continue
        room -= _characters(line[0].arguments)
        if room < 0 and group:
            break
        group.append(line.popleft())
    return group


def _characters(arguments: Arguments) -> int:
    return len(str(arguments))
