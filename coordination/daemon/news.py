"""What happens in sessions becomes notices for the agents of this machine.

Most events say whom they concern. Of the others the service is asked whether they are among an agent's news; that does
not count as reading them. The same is done for everything when events may have been missed: when an agent joins, after
a restart too, and when the stream of events was interrupted.

An agent is asked for once at a time; what is wanted meanwhile is asked for together afterwards. While the service is
away it is tried again, because the event that made us ask does not come a second time.
"""

import asyncio
from typing import Final

import structlog

from coordination.client.errors import ClientError
from coordination.client.service import ServiceClient
from coordination.daemon.connection import ServiceAway
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.notices import ASKED_FOR, Notices
from coordination.daemon.terminals import Terminals
from coordination.domain.event import Event
from coordination.domain.task import News as Unread

ASK_SECONDS: Final = 5.0
AGAIN_SECONDS: Final = 2.0

_log: Final = structlog.stdlib.get_logger(__name__)


class News:
    """Tells agents what concerns them.

    Args:
        link: the service.
        terminals: who works here.
        notices: what they are to be told.
    """

    def __init__(self, link: Link, terminals: Terminals, notices: Notices) -> None:
        self._link = link
        self._terminals = terminals
        self._notices = notices
        self._wanted: dict[LocalAgent, set[int | None]] = {}
        self._asking: dict[LocalAgent, asyncio.Task[None]] = {}

    def on_event(self, session: str, event: Event) -> None:
        """Take note of what happened in a session."""
        agents = self._terminals.agents(session)
        self._notices.happened(event, agents)
        if event.kind in ASKED_FOR:
            for agent in agents:
                self._ask(agent, event.seq)

    def on_current(self, session: str, current: bool) -> None:
        """Ask for all news once nothing is missed any more: what was before may have been."""
        if current:
            for agent in self._terminals.agents(session):
                self._ask(agent, None)

    def joined(self, agent: LocalAgent) -> None:
        """Ask for what waits for an agent that comes, or comes back."""
        self._ask(agent, None)

    async def close(self) -> None:
        """Ask no more."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _ask(self, agent: LocalAgent, seq: int | None) -> None:
        """Ask for one event, or for all."""
        self._wanted.setdefault(agent, set()).add(seq)
        if agent not in self._asking:
            task = self._asking[agent] = asyncio.create_task(self._answer(agent))
            task.add_done_callback(lambda done: self._asked(agent, done))

    def _asked(self, agent: LocalAgent, task: asyncio.Task[None]) -> None:
        del self._asking[agent]
        # What was wanted between its last look and its end.
        wanted = self._wanted.pop(agent, set())
        if wanted and not task.cancelled() and agent in self._terminals.agents(agent.session):
            for seq in wanted:
                self._ask(agent, seq)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("news_not_read", agent=agent.id, session=agent.session, exc_info=error)

    async def _answer(self, agent: LocalAgent) -> None:
        """Ask until all that is wanted was answered, as long as the agent is here."""
        while (wanted := self._wanted.pop(agent, set())) and agent in self._terminals.agents(agent.session):
            try:
                unread = await self._link.call(lambda client: _unread(client, agent), seconds=ASK_SECONDS)
            except ServiceAway:
                self._wanted.setdefault(agent, set()).update(wanted)
                await asyncio.sleep(AGAIN_SECONDS)
            except ClientError as refusal:
                _log.warning("news_not_read", agent=agent.id, session=agent.session, why=refusal.message)
            else:
                self._tell(agent, wanted, unread)

    def _tell(self, agent: LocalAgent, wanted: set[int | None], unread: Unread) -> None:
        if agent not in self._terminals.agents(agent.session):
            return
        for item in unread.items:
            if wanted & {None, item.id}:
                event = Event(item.id, item.from_agent, item.kind, item.payload, item.at)
                self._notices.concerns(event, agent)
        if unread.more or (None in wanted and unread.removed_up_to is not None):
            self._notices.missed(agent)


def _unread(client: ServiceClient, agent: LocalAgent) -> Unread:
    acting = client.acting(agent.session, agent.id, checkout=agent.checkout, terminal=str(agent.terminal))
    return acting.sync().news
