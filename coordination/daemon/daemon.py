"""The daemon, put together: what hooks talk to, and what speaks to the service for the terminals of a machine.

It knows neither the settings nor how a service is started; what it needs of them is passed in (`cli.daemon_run`). It
ends when it is asked to, or when its socket is gone, with its folder or alone: nobody would find it. What it claimed by
itself it gives back then, because nobody renews it any more; what an agent claimed is the agent's own and stays until
its time is over, or a daemon comes back. One that is killed gives nothing back, and goes on with all of it when it is
back in time.

Hooks are taken last, when all that answers them is there, and refused first; those under way are answered. None of the
parts ends by itself: when one does, the daemon ends with it, and the log says why.
"""

import asyncio
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from starlette.types import ASGIApp

from coordination.client import token_file
from coordination.daemon import http, words
from coordination.daemon.connection import Found, LinkState
from coordination.daemon.edit_gate import EditGate
from coordination.daemon.folder import Folder
from coordination.daemon.following import Following
from coordination.daemon.hook_call import HookCall, Reply
from coordination.daemon.hook_socket import HookSocket
from coordination.daemon.hooks import Hooks
from coordination.daemon.journal import Journal
from coordination.daemon.lease_table import LeaseTable
from coordination.daemon.link import Link
from coordination.daemon.liveness import Liveness
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.mcp_relay import McpRelay
from coordination.daemon.membership import Membership
from coordination.daemon.needs import Needs
from coordination.daemon.news import News
from coordination.daemon.notices import Notices
from coordination.daemon.person_policy import PersonPolicy
from coordination.daemon.presence import Presence
from coordination.daemon.reads import Reads
from coordination.daemon.routes import Routes
from coordination.daemon.service_state import ServiceState
from coordination.daemon.state import State
from coordination.daemon.status import STATUS, Status
from coordination.daemon.succession import Succession
from coordination.daemon.tcp import Listen, Port
from coordination.daemon.terminals import ChosenFor, Terminal, Terminals
from coordination.daemon.upstream import Connections
from coordination.daemon.waking import Waking
from coordination.daemon.web_socket import DaemonSocket
from coordination.domain.agent import WhyLeft
from coordination.repository.edited_path import Locator

GIVE_BACK_SECONDS: Final = 8.0
"""How long it may take in all to give back leases at the end; after that they end by themselves."""
PORT_SECONDS: Final = 1.0
"""How long who asks how we are waits until it is known whether the port can be had."""

THREADS: Final = 128
"""For looks at disks and git: of 50 hooks at once and of those before them that nobody waits for any more. With as few
as Python takes by itself, a repository in which git is slow would keep hooks of all others waiting."""

_log: Final = structlog.stdlib.get_logger(__name__)


class Daemon:
    """The daemon of one folder.

    Args:
        folder: its folder, which is ours alone.
        find: says which service to talk to, None when there is none; called in a thread, and may raise.
        start: starts the local service; called in a thread.
        chosen: what the person chose for the terminals of a folder.
        policy: the person's policy file.
        listen: takes the port on loopback.
        environment: the variables that git is run with.
    """

    def __init__(
        self,
        folder: Folder,
        *,
        find: Callable[[], Found | None],
        start: Callable[[], None] | None,
        chosen: ChosenFor,
        policy: Path,
        listen: Listen,
        environment: Mapping[str, str],
    ) -> None:
        self._folder = folder
        self._state = State(folder.state)
        self._token = token_file.read_or_make(folder.token)
        self._link = Link(find, start)
        self._following = Following(self._link)
        self._journal = Journal()
        self._notices = Notices(self._to_be_told, self._state)
        self._terminals = Terminals(self._link, self._state, chosen, self._joined)
        self._needs = Needs(self._terminals, environment)
        self._leases = LeaseTable(self._link, self._following, self._needs.still, self._lost)
        self._liveness = Liveness()
        self._membership = Membership(
            self._link,
            self._state,
            self._terminals,
            self._leases,
            self._notices,
            self._liveness,
            self._left,
        )
        self._succession = Succession(self._link, self._terminals, self._membership)
        self._presence = Presence(self._link, self._terminals, self._leases)
        self._waking = Waking(self._terminals, self._notices.due)
        self._news = News(self._link, self._terminals, self._notices)
        self._following.observers.append(self._news)
        self._policy = PersonPolicy(policy)
        gate = EditGate(
            self._terminals,
            self._leases,
            Reads(self._state),
            self._notices,
            Locator(environment),
            self._policy.blocks,
        )
        self._port = Port(listen)
        self._hooks = Hooks(
            self._link,
            self._terminals,
            self._membership,
            gate,
            self._notices,
            self._headers,
            lambda: not self._port.trouble,
            self._waking.met,
            self._journal.record,
        )
        self._status = Status(self._link, self._terminals, self._leases, self._notices, self._port)
        self._service = ServiceState()
        self._link.observe(self._service_became)
        self._restored = False
        self._hooks_since = math.inf

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then give back what was claimed for edits.

        Raises:
            Exception: a part of the daemon failed, and the daemon ended with it.
        """
        try:
            await self._serve(stop)
        except Exception:
            _log.exception("daemon_failed")
            raise
        finally:
            await self._close()
            _log.info("daemon_stopped", pid=os.getpid())

    async def _serve(self, stop: asyncio.Event) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "disk"))
        async with AsyncExitStack() as stack:
            connections = await stack.enter_async_context(Connections())
            app = self._app(connections)
            works = {
                "link": self._link.run(),
                "leases": self._leases.run(),
                "presence": self._presence.keep(),
                "port": self._port.serve(app),
            }
            tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
            stack.push_async_callback(_end, tasks)
            hooks = await stack.enter_async_context(HookSocket(self._folder.socket, self._answer))
            self._hooks_since = time.time()
            _log.info("daemon_serves", pid=os.getpid(), folder=str(self._folder.path))
            stopping, gone = asyncio.create_task(stop.wait()), asyncio.create_task(hooks.gone())
            stack.push_async_callback(_end, [stopping, gone])
            await asyncio.wait([stopping, gone, *tasks], return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                _log.warning("daemon_folder_gone", folder=str(self._folder.path))
            for task in tasks:
                if task.done():
                    task.result()
                    raise RuntimeError(f"{task.get_name()} ended")

    async def _answer(self, call: HookCall) -> Reply:
        if call.event == STATUS:
            # Who has just started us asks at once, and is not to be told of a trouble that there is not.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._port.settled(), PORT_SECONDS)
            return Reply(orjson.dumps(self._status.summary()))
        return await self._hooks.answer(call)

    async def _close(self) -> None:
        """Give back what was claimed for edits, and end what goes on behind."""
        try:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self._membership.close()
                await asyncio.gather(*(self._give_back(agent) for agent in self._terminals.agents()))
        except TimeoutError:
            _log.warning("leases_not_given_back", why=self._link.why or "The service takes too long.")
        await self._waking.close()
        await self._news.close()
        await self._leases.close()
        self._following.close()
        self._liveness.close()
        self._link.close()
        self._state.close()

    async def _give_back(self, agent: LocalAgent) -> None:
        paths = [path for _, path in self._leases.automatic(agent)]
        if paths:
            await self._leases.release(agent, paths)

    def _app(self, connections: Connections) -> ASGIApp:
        routes = Routes(
            self._link, self._terminals, self._membership, self._unheard, lambda: self._hooks_since
        )
        return http.app(
            token=self._token,
            relay=McpRelay(
                routes.route,
                self._service,
                connections,
                is_protected=routes.is_protected,
                conversation=routes.conversation,
            ),
            socket=DaemonSocket({"status": self._status.read}, self._journal, self._token),
            service=self._service,
            terminals=lambda: len(list(self._terminals)),
            agents=lambda: len(self._terminals.agents()),
        )

    async def _headers(self, terminal: Terminal) -> Mapping[str, str]:
        await self._port.settled()
        if self._port.number is None:
            # The terminal would bring our token to whoever has the port.
            _log.warning("headers_not_given", terminal=str(terminal.key), why=self._port.trouble)
            return {}
        return {"Authorization": f"Bearer {self._token}", "x-coordination-terminal": str(terminal.key)}

    def _unheard(self, terminal: Terminal) -> None:
        """Note that no hook of a terminal comes, so that nothing protects its edits."""
        _log.warning("terminal_unprotected", terminal=str(terminal.key), folder=str(terminal.home))
        self._journal.record("terminal.unprotected", terminal=str(terminal.key), folder=str(terminal.home))

    def _to_be_told(self, agent: LocalAgent) -> None:
        self._waking.wake(agent)

    def _joined(self, agent: LocalAgent) -> None:
        self._notices.keep_only(self._terminals.agents())
        self._notices.recall(agent)
        self._membership.joined(agent)
        self._news.joined(agent)
        _log.info("agent_joined", agent=agent.id, session=agent.session, terminal=str(agent.terminal))
        self._journal.record(
            "agent.joined", agent=agent.id, session=agent.session, terminal=str(agent.terminal)
        )

    def _left(self, agent: LocalAgent, why: WhyLeft) -> None:
        self._journal.record(
            "agent.left", agent=agent.id, session=agent.session, terminal=str(agent.terminal), why=why
        )

    def _service_became(self, state: LinkState) -> None:
        self._service.now(state.value)
        found = self._link.service
        _log.info(
            "service_became", state=state.value, url=None if found is None else found.url, why=self._link.why
        )
        self._journal.record("service.became", state=state.value, why=self._link.why)
        if state is LinkState.REACHABLE:
            self._presence.soon()
            if not self._restored:
                self._restored = True
                self._membership.restore()
            self._succession.look()

    def _lost(self, agent: LocalAgent, paths: tuple[str, ...], why: str) -> None:
        _log.info("lease_lost", agent=agent.id, session=agent.session, paths=list(paths), why=why)
        if agent in self._terminals.agents(agent.session):
            self._notices.tell(agent, words.lost(paths, why))
        self._journal.record("lease.lost", agent=agent.id, session=agent.session, paths=list(paths), why=why)


# Any: whatever they return.
async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    # Any: what ended before has told already how.
    _: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
