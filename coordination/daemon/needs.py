"""Which of the files that were claimed for edits are needed still: of who is at work, and those with work in them.

Who is in a turn needs all of them. After it, a file is needed as long as it holds what no commit has; so an idle
terminal does not keep others from files that it only touched and left as they were. Who is gone needs nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.terminals import Terminals
from coordination.repository.dirty import dirty


class Needs:
    """Says what is needed still.

    Args:
        terminals: who works here.
        environment: the variables that git is run with.
    """

    def __init__(self, terminals: Terminals, environment: Mapping[str, str]) -> None:
        self._terminals = terminals
        self._environment = environment

    async def still(self, agent: LocalAgent, checkout: str, paths: Sequence[str]) -> frozenset[str]:
        """Return those of an agent's paths of a checkout that it needs still.

        Args:
            agent: who holds them.
            checkout: `{host}:{git top level}`; of an unknown one all are needed.
            paths: relative to its top level.
        """
        terminal = self._terminals.of(agent)
        if terminal is None:
            return frozenset()
        _, _, top = checkout.partition(":")
        if not top or agent.subagent in terminal.working:
            return frozenset(paths)
        return await asyncio.to_thread(dirty, Path(top), paths, self._environment)
