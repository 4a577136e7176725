"""Waking terminals that are idle when there is something for them: by their own messaging socket, where they have one.

It is an extra (`messaging`): what is to be told is told by the next hook in any case. Who is in a turn is not woken, as
its next hook comes soon; nor is a subagent, which has no socket. Of several notices at once one line is made.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from coordination.daemon import messaging, words
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.messaging import Mailbox
from coordination.daemon.terminals import Terminal, Terminals
from coordination.daemon.turn import is_in_turn

SOCKET: Final = "CLAUDE_CODE_MESSAGING_SOCKET"
TOKEN: Final = "CLAUDE_CODE_MESSAGING_TOKEN"  # noqa: S105 - the name of a variable
GATHER_SECONDS: Final = 0.2
"""For how long notices are gathered before somebody is woken."""
AGAIN_SECONDS: Final = 60.0
"""After that long a terminal that did nothing when it was woken is woken by the next notice."""


class Waking:
    """Wakes terminals.

    Args:
        terminals: who works here.
        due: whether an agent is to be told something still.
    """

    def __init__(self, terminals: Terminals, due: Callable[[LocalAgent], object]) -> None:
        self._has_news = due
        self._terminals = terminals
        self._waking: dict[str, asyncio.Task[None]] = {}
        self._woken: dict[str, float] = {}

    def wake(self, agent: LocalAgent) -> None:
        """Wake an agent's terminal if it is idle and can be."""
        terminal = self._terminals.of(agent)
        if terminal is None or agent.subagent is not None or is_in_turn(terminal, None):
            return
        key = str(terminal.key)
        at = asyncio.get_running_loop().time()
        self._woken = {one: when for one, when in self._woken.items() if at - when < AGAIN_SECONDS}
        if SOCKET in terminal.facts and key not in self._waking and key not in self._woken:
            task = self._waking[key] = asyncio.create_task(self._wake(terminal))
            task.add_done_callback(lambda _: self._waking.pop(key, None))

    def met(self, terminal: Terminal) -> None:
        """Take note that a terminal did something: what comes from now on may wake it."""
        self._woken.pop(str(terminal.key), None)

    async def close(self) -> None:
        """Wake nobody any more."""
        waking = list(self._waking.values())
        for task in waking:
            task.cancel()
        await asyncio.gather(*waking, return_exceptions=True)

    def _due(self, terminal: Terminal) -> bool:
        """Whether there is news still: a hook may have brought it meanwhile."""
        return any(self._has_news(agent) for agent in terminal.agents.values() if agent.subagent is None)

    async def _wake(self, terminal: Terminal) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        if is_in_turn(terminal, None) or not self._due(terminal) or SOCKET not in terminal.facts:
            return
        mailbox = Mailbox(terminal.key, terminal.facts[SOCKET], terminal.facts.get(TOKEN, ""))
        if await messaging.push(mailbox, words.WAITING):
            self._woken[str(terminal.key)] = asyncio.get_running_loop().time()
