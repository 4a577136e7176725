"""Which of the files that were claimed for edits are needed still: of who is at work, and those with work in them.

Who is in a turn needs all of them. After it, a file is needed as long as it holds what no commit has, or an edit of it
waits to be done, as for the person's permission; so an idle terminal does not keep others from files that it only
touched and left as they were. Who is gone needs nothing.

A disk may hang. What cannot be looked at in time is needed, and of a working tree that hangs nothing more is asked
until that look is over, so that it costs one thread, and the leases of all others are looked after.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.terminals import Terminal, Terminals
from coordination.daemon.turn import is_in_turn
from coordination.repository.dirty import dirty

LOOK_SECONDS: Final = 5.0


class Needs:
    """Says what is needed still.

    Args:
        terminals: who works here.
        environment: the variables that git is run with.
    """

    def __init__(self, terminals: Terminals, environment: Mapping[str, str]) -> None:
        self._terminals = terminals
        self._environment = environment
        self._hanging: set[str] = set()

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
        if not top or is_in_turn(terminal, agent.subagent):
            return frozenset(paths)
        return _about_to_be_written(terminal, agent, top, paths) | await self._dirty(top, paths)

    async def _dirty(self, top: str, paths: Sequence[str]) -> frozenset[str]:
        if top in self._hanging:
            return frozenset(paths)
        looking = asyncio.ensure_future(asyncio.to_thread(dirty, Path(top), paths, self._environment))
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await asyncio.shield(looking)
        except TimeoutError:
            self._hanging.add(top)
            looking.add_done_callback(lambda _: self._hanging.discard(top))
            return frozenset(paths)


def _about_to_be_written(
    terminal: Terminal, agent: LocalAgent, top: str, paths: Sequence[str]
) -> frozenset[str]:
    """Return the paths to which an edit was let through that has not ended."""
    files = [file for (who, _), some in terminal.writing.items() if who == agent.subagent for file in some]
    return frozenset(path for path in paths if any(file.is_relative_to(Path(top, path)) for file in files))
