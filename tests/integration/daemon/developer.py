"""A developer at work, as tests have it: a whole daemon on a folder, a repository, terminals that run real hooks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coordination.client.service import ServiceClient
from coordination.daemon.connection import Found, LinkState
from coordination.daemon.daemon import Daemon
from coordination.daemon.folder import Folder
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.tcp import Listen
from coordination.daemon.terminals import Terminal
from coordination.domain.file_lock import Granted
from coordination.domain.session import SessionStatus
from coordination.repository.checkout import describe_checkout
from coordination.repository.identity import session_of
from coordination.repository.terminal import started_at
from coordination.services import agent as agents
from tests.integration.app.proxy import Gate
from tests.integration.cli.running import Running
from tests.integration.daemon.hook import Hook
from tests.integration.daemon.typed import LIMIT_SECONDS, Typed, until
from tests.integration.repository.tree import Tree, bare, make_tree
from tests.integration.store.steps import waiters

TERMINAL = Path(__file__).with_name("terminal_program.py")
LATE = ("in time", "too long", "does not answer")
"""How hooks say that something took too long."""

__all__ = ["LIMIT_SECONDS", "Developer", "Typed", "context", "developer", "refused", "returning", "until"]


@dataclass
class Developer:
    """A person with a daemon, a repository and terminals.

    Attributes:
        gate: the way to the service.
        folder: the daemon's.
        tree: the repository.
        found: whom the daemon is told to talk to.
        listen: takes the daemon's port.
    """

    gate: Gate
    folder: Folder
    tree: Tree
    hook: Hook
    policy: Path
    found: Callable[[], Found | None]
    start: Callable[[], None] | None = None
    listen: Listen = lambda: "no port here"
    terminals: list[Typed] = field(default_factory=list[Typed])
    _daemon: Daemon | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: asyncio.Task[None] | None = None

    @property
    def session(self) -> str:
        return session_of(self.tree.top)

    @property
    def daemon(self) -> Daemon:
        assert self._daemon is not None
        return self._daemon

    async def begin(self, *, reachable: bool = True) -> Daemon:
        """Start the daemon; return once it takes hooks, and has reached the service."""
        self._daemon = daemon = Daemon(
            self.folder,
            find=self.found,
            start=self.start,
            chosen=chosen_for_none,
            policy=self.policy,
            listen=self.listen,
            environment=bare(),
        )
        self._stop = asyncio.Event()
        self._serving = asyncio.create_task(daemon.serve(self._stop))
        await until(lambda: self.folder.socket.exists() or self._ended())
        if reachable:
            await until(lambda: daemon._link.state is LinkState.REACHABLE or self._ended())
        return daemon

    async def begin_again(self) -> None:
        """Have the daemon find the service again."""
        self.daemon._link.look_now()
        await until(lambda: self.daemon._link.state is LinkState.REACHABLE)

    async def end(self) -> None:
        """End the daemon as SIGTERM does."""
        self._stop.set()
        serving, self._serving = self._serving, None
        if serving is not None:
            await serving

    async def terminal(self, *, folder: Path | None = None) -> Typed:
        """Open a terminal."""
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(TERMINAL)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=folder or self.tree.top,
        )
        opened = Typed(program, self.hook, folder or self.tree.top)
        self.terminals.append(opened)
        return opened

    async def begun(self, **options: Any) -> Typed:
        """Open a terminal in which a conversation has begun."""
        opened = await self.terminal(**options)
        async with asyncio.timeout(LIMIT_SECONDS):
            while "you are" not in (said := context(await opened.say("SessionStart", source="startup"))):
                # What a hook may wait for is little on a busy machine.
                assert any(late in said for late in LATE), said
        return opened

    def known(self, terminal: Typed) -> Terminal:
        """Return what the daemon knows of a terminal."""
        return next(one for one in self.daemon._terminals if one.key.pid == terminal.pid)

    def pids(self) -> list[int]:
        """Whom the daemon takes for living."""
        return [one.key.pid for one in self.daemon._terminals]

    def notices(self) -> dict[str, list[str]]:
        """What is to be said, by name."""
        agents = self.daemon._terminals.agents()
        return {agent.name: [one.text for one in self.daemon._notices.due(agent)] for agent in agents}

    def journal(self, kind: str) -> list[Mapping[str, Any]]:
        """What the daemon's own events of a kind say."""
        return [event.facts for event in self.daemon._journal.read(0, 1000).events if event.kind == kind]

    def claim(self, who: LocalAgent, paths: list[str], seconds: int) -> list[str]:
        """Claim files as an agent itself does, and wait for them; in a thread."""
        with ServiceClient(self.gate.url) as client:
            acting = client.acting(who.session, who.id, checkout=who.checkout, terminal=str(who.terminal))
            granted = acting.claim(paths, wait_seconds=seconds)
            return [lease.path for lease in granted.leases] if isinstance(granted, Granted) else []

    def who(self, name: str) -> LocalAgent:
        """An agent of the first terminal, as another process knows it."""
        pid = self.terminals[0].pid
        key = TerminalKey(pid, started_at(pid))
        return LocalAgent(self.session, "alice", name, key, checkout=describe_checkout(self.tree.top) or "")

    def looked(self, url: str) -> bool:
        """Look for the service, and return whether it is found there."""
        self.daemon._link.look_now()
        found = self.daemon._link.service
        return found is not None and found.url == url

    def missed(self) -> bool:
        """Look for the service, and return whether it is missed."""
        self.daemon._link.look_now()
        return self.daemon._link.state is not LinkState.REACHABLE

    async def queued(self, service: Running, number: int) -> None:
        """Return once so many wait in line."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(await waiters(service.core.database, self.session)) < number:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)

    async def status(self, service: Running) -> SessionStatus:
        """Read who is in the session."""
        return await agents.read_status(service.core, "local", self.session, include_inactive=True)

    def _ended(self) -> bool:
        assert self._serving is not None
        if self._serving.done():
            self._serving.result()
        return False


def returning(value: Any) -> Callable[..., Any]:
    """What returns something later, whatever it is asked."""

    async def answered(*_: object) -> Any:
        return value

    return answered


def chosen_for_none(folder: Path) -> None:
    """Nobody chose a session for any folder."""


def context(said: Mapping[str, Any]) -> str:
    """What a hook tells the model; "" for nothing."""
    return said.get("hookSpecificOutput", {}).get("additionalContext", "")


def refused(said: Mapping[str, Any]) -> str:
    """Why a hook refuses an edit; "" where it does not."""
    output = said.get("hookSpecificOutput", {})
    return output["permissionDecisionReason"] if output.get("permissionDecision") == "deny" else ""


@asynccontextmanager
async def developer(service: Running, folder: Path, top: Path, hook: Hook) -> AsyncGenerator[Developer]:
    """A developer whose daemon does not run yet."""
    own = Folder(folder / "daemon")
    own.prepare()
    tree = make_tree(top)
    tree.commit({"a.py": "a = 1\n", "b.py": "b = 1\n"})
    async with Gate() as gate:
        gate.behind = int(service.url.rpartition(":")[2])
        await gate.open()
        one = Developer(
            gate, own, tree, hook, folder / "policy", lambda: Found(gate.url, None, None, "alice")
        )
        try:
            yield one
        finally:
            for terminal in one.terminals:
                await terminal.die()
            await one.end()
