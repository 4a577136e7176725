"""What happens in sessions becomes notices for the agents of this machine.

Most events say whom they concern. Of the others the service is asked whether they are among an agent's news; that does
not count as reading them. The same is done for everything when events may have been missed: after a restart, and when
the stream of events was interrupted for longer than it is kept.
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
from coordination.domain.task import Synced

ASK_SECONDS: Final = 5.0

_log: Final = structlog.get_logger(__name__)


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
        self._broken: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()

    def on_event(self, session: str, event: Event) -> None:
        """Take note of what happened in a session."""
        agents = self._terminals.agents(session)
        self._notices.happened(event, agents)
        if event.kind in ASKED_FOR:
            for agent in agents:
                self._ask(agent, event.seq)

    def on_current(self, session: str, current: bool) -> None:
        """Ask for all news after a break, in which events may have been missed."""
        if current and session in self._broken:
            for agent in self._terminals.agents(session):
                self._ask(agent, None)
        if current:
            self._broken.discard(session)
        else:
            self._broken.add(session)

    async def close(self) -> None:
        """Ask no more."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def _ask(self, agent: LocalAgent, seq: int | None) -> None:
        task = asyncio.create_task(self._tell(agent, seq))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _tell(self, agent: LocalAgent, seq: int | None) -> None:
        """Tell an agent of its news: of the one event, or of all."""

        def read(client: ServiceClient) -> Synced:
            acting = client.acting(
                agent.session, agent.id, checkout=agent.checkout, terminal=str(agent.terminal)
            )
            return acting.sync()

        try:
            synced = await self._link.call(read, seconds=ASK_SECONDS)
        except (ServiceAway, ClientError) as error:
            # When the service is back the events are followed from where they were left.
            _log.info("news.unread", agent=agent.id, session=agent.session, why=str(error))
            return
        for item in synced.news.items:
            if seq in {None, item.id}:
                self._notices.concerns(
                    Event(item.id, item.from_agent, item.kind, item.payload, item.at), agent
                )
