"""Going on as somebody else: a person logs in under another name, or elsewhere, while terminals run.

An agent's id begins with its user, whom the service knows by the credential. So under the new login the agents of
before can do nothing. Each terminal joins anew, and what its agents of before held by its edits is claimed again: the
files are as unfinished as they were. What they had claimed themselves is given back, as far as the service lets it go.
"""

from collections.abc import Iterable
from contextlib import suppress

from coordination.client.errors import ClientError
from coordination.daemon.connection import ServiceAway
from coordination.daemon.joining import NOBODY
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.membership import Membership
from coordination.daemon.state_file import StateUnusable
from coordination.daemon.terminals import Terminal, Terminals
from coordination.domain.agent_name import as_part


class Succession:
    """Has terminals go on as whoever is logged in.

    Args:
        link: the service.
        terminals: who works here.
        membership: who comes and goes.
    """

    def __init__(self, link: Link, terminals: Terminals, membership: Membership) -> None:
        self._link = link
        self._terminals = terminals
        self._membership = membership

    def look(self) -> None:
        """Look whose agents are here, after a service was found."""
        user = as_part(self._link.user or "", NOBODY)
        for terminal in self._terminals:
            if former := [agent for agent in terminal.agents.values() if agent.user != user]:
                self._membership.behind(self._succeed(terminal, former))

    async def _succeed(self, terminal: Terminal, former: Iterable[LocalAgent]) -> None:
        # One that is about to join is waited for, or it would be in the way.
        async with terminal.joining:
            for agent in former:
                self._terminals.leave(agent)
        heirs: dict[str, LocalAgent] = {}
        for top in list(terminal.places):
            with suppress(ServiceAway, ClientError, StateUnusable):
                heir = await self._terminals.agent(terminal, top)
                heirs[heir.session] = heir
        for agent in former:
            await self._membership.leave_to(agent, heirs.get(agent.session))
