"""Waking terminals that are idle when there is something for them: by their own messaging socket, where they have one.

It is an extra (`messaging`): what is to be told is told by the next hook in any case. Who is in a turn is not woken, as
its next hook comes soon; nor is a subagent, which has no socket. Of several notices at once one line is made.
"""

import asyncio
from typing import Final

from coordination.daemon import messaging, words
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.messaging import Mailbox
from coordination.daemon.terminals import Terminal, Terminals

SOCKET: Final = "CLAUDE_CODE_MESSAGING_SOCKET"
TOKEN: Final = "CLAUDE_CODE_MESSAGING_TOKEN"  # noqa: S105 - the name of a variable
GATHER_SECONDS: Final = 0.2
"""For how long notices are gathered before somebody is woken."""


class Waking:
    """Wakes terminals.

    Args:
        terminals: who works here.
    """

    def __init__(self, terminals: Terminals) -> None:
        self._terminals = terminals
        self._waking: dict[str, asyncio.Task[None]] = {}

    def wake(self, agent: LocalAgent) -> None:
        """Wake an agent's terminal if it is idle and can be."""
        terminal = self._terminals.of(agent)
        if terminal is None or agent.subagent is not None or None in terminal.working:
            return
        key = str(terminal.key)
        if SOCKET in terminal.facts and key not in self._waking:
            task = self._waking[key] = asyncio.create_task(self._wake(terminal))
            task.add_done_callback(lambda _: self._waking.pop(key, None))

    async def close(self) -> None:
        """Wake nobody any more."""
        for task in self._waking.values():
            task.cancel()
        await asyncio.gather(*self._waking.values(), return_exceptions=True)

    async def _wake(self, terminal: Terminal) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        if None in terminal.working:
            return
        mailbox = Mailbox(terminal.key, terminal.facts[SOCKET], terminal.facts.get(TOKEN, ""))
        await messaging.push(mailbox, words.WAITING)
