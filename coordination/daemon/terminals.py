"""Who works on this machine: terminals, their subagents, and under which names they are in which sessions.

A terminal is one Claude Code process. In each session that it works in it is an agent, and so is each of its subagents.
The session is that of the repository in which it works, unless the person said another; the service may know the
checkout under another session already, and then that is the one. The name is the one that the process had before, else
the one that the person said, unless another terminal here has it, else that of the same conversation in an earlier
process, else the first free one; that it is free is decided by the service, in one step, because another machine may
ask for it at the same instant.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count, product
from pathlib import Path
from string import ascii_lowercase
from typing import Final, Protocol

from coordination.client.errors import RequestRefused
from coordination.client.service import ServiceClient
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.state import State
from coordination.domain.virtual_user import is_part
from coordination.repository.checkout import describe_checkout
from coordination.repository.identity import session_of

JOIN_SECONDS: Final = 1.4
MOST_NAMES: Final = 200
NOBODY: Final = "me"
"""Who works where neither the machine nor the service says."""
_STEM: Final = "impl_"
_TYPE_MAX: Final = 24


@dataclass(slots=True)
class Terminal:
    """One Claude Code process.

    Attributes:
        key: which process.
        home: the top level of the repository that it was started in, or the folder where there is none.
        claude_session: Claude Code's id of its conversation, "" while it is not known.
        facts: what the hook program said of its environment.
        working: who is in a turn: None the terminal itself, else subagents.
        subagents: the types of its subagents by Claude Code's id.
        calls: which subagent makes a tool call, by the id of the call.
        agents: what it is, and its subagents are, by session and subagent.
    """

    key: TerminalKey
    home: Path
    claude_session: str = ""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    working: set[str | None] = field(default_factory=set[str | None])
    subagents: dict[str, str] = field(default_factory=dict[str, str])
    calls: dict[str, str] = field(default_factory=dict[str, str])
    agents: dict[tuple[str, str | None], LocalAgent] = field(
        default_factory=dict[tuple[str, str | None], LocalAgent]
    )
    joining: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person chose for the terminals of a folder: their session, and the name of one that has none."""

    session: str
    agent: str


class ChosenFor(Protocol):
    """Finds what the person chose for a folder; None for nothing."""

    def __call__(self, folder: Path) -> Chosen | None:
        """Look for it."""
        ...


class Terminals:
    """Knows the terminals of this machine and makes them agents.

    Args:
        link: the service.
        state: the names that agents had.
        chosen: what the person chose for a folder.
        joined: is told of each agent that joined.
    """

    def __init__(
        self,
        link: Link,
        state: State,
        chosen: ChosenFor,
        joined: Callable[[LocalAgent], None] = lambda _: None,
    ) -> None:
        self._joined = joined
        self._link = link
        self._state = state
        self._chosen = chosen
        self._terminals: dict[str, Terminal] = {}
        self._elsewhere: dict[str, str] = {}

    def __iter__(self) -> Iterator[Terminal]:
        return iter(list(self._terminals.values()))

    def add(self, key: TerminalKey, home: Path) -> Terminal:
        """Take note of a process, and return what is known of it from now on."""
        return self._terminals.setdefault(str(key), Terminal(key, home))

    def find(self, key: str) -> Terminal | None:
        """Return a terminal by its key as text, None when it is not known."""
        return self._terminals.get(key)

    def gone(self, key: TerminalKey) -> list[LocalAgent]:
        """Forget a terminal whose process is no more, and return the agents that it was."""
        terminal = self._terminals.pop(str(key), None)
        return [] if terminal is None else list(terminal.agents.values())

    def agents(self, session: str | None = None) -> list[LocalAgent]:
        """Return the agents of this machine, those of a session where one is named."""
        found = (agent for terminal in self._terminals.values() for agent in terminal.agents.values())
        return [agent for agent in found if session in {None, agent.session}]

    def of(self, agent: LocalAgent) -> Terminal | None:
        """Return the terminal that an agent is, or works in."""
        return self._terminals.get(str(agent.terminal))

    def known(self, terminal: Terminal, top: Path, subagent: str | None = None) -> LocalAgent | None:
        """Return the agent that a terminal, or its subagent, is in the session of a checkout already."""
        return terminal.agents.get((self._session(terminal, top), subagent))

    async def agent(self, terminal: Terminal, top: Path, subagent: str | None = None) -> LocalAgent:
        """Return the agent that a terminal, or its subagent, is in the session of a checkout; it joins it if need be.

        Args:
            terminal: the terminal.
            top: the top level of the checkout, or outside of git a folder.
            subagent: Claude Code's id of the subagent.

        Raises:
            ServiceAway: nobody can say under which name it may join.
            RequestRefused: the service does not let it join.
        """
        async with terminal.joining:
            session = self._session(terminal, top)
            own = terminal.agents.get((session, None)) or await self._join(terminal, top, session)
            if subagent is None:
                return own
            known = terminal.agents.get((own.session, subagent))
            return known or await self._join_subagent(terminal, top, own, subagent)

    def leave(self, agent: LocalAgent) -> None:
        """Forget that a terminal, or its subagent, is an agent; it joins anew when it acts again."""
        terminal = self.of(agent)
        if terminal is not None:
            terminal.agents.pop((agent.session, agent.subagent), None)

    def _session(self, terminal: Terminal, top: Path) -> str:
        """Return the session of a checkout: the one it is in use under, the person's, or that of its repository."""
        if str(top) in self._elsewhere:
            return self._elsewhere[str(top)]
        said, chosen = terminal.facts.get("COORD_SESSION", ""), self._chosen(top)
        if is_part(said):
            return said
        return chosen.session if chosen is not None else session_of(top)

    def _chosen_name(self, terminal: Terminal, top: Path) -> str:
        said, chosen = terminal.facts.get("COORD_AGENT", ""), self._chosen(top)
        if is_part(said):
            return said
        return chosen.agent if chosen is not None else ""

    async def _join(self, terminal: Terminal, top: Path, session: str) -> LocalAgent:
        user = await self._user()
        named = self._chosen_name(terminal, top)
        taken = {agent.name for agent in self.agents(session)}
        # Two terminals of one name would be one agent, and hold what the other holds: the second gets another name.
        wished = self._state.name_in_terminal(session, terminal.key) or named
        names = chain([wished] if wished else [], _names(self._had(session, terminal)))
        for name in (name for name in names if name not in taken):
            agent = LocalAgent(session, user, name, terminal.key, checkout=describe_checkout(top) or "")
            try:
                joined = await self._enter(agent, top, only_if_free=name != named)
            except RequestRefused as refusal:
                if refusal.code != "name_taken":
                    raise
            else:
                return self._keep(terminal, joined)
        raise RequestRefused(
            f"The session {session} has {MOST_NAMES} terminals, and no name is free for another one.",
            next_call="COORD_AGENT=another_name claude",
            code="name_taken",
        )

    def _had(self, session: str, terminal: Terminal) -> str | None:
        """Return the name of a process, or of its conversation in an earlier process."""
        had = self._state.name_in_terminal(session, terminal.key)
        if had is None and terminal.claude_session:
            had = self._state.name_in_claude_session(session, terminal.claude_session)
        return had

    async def _user(self) -> str:
        """Return whose agents are here, after a look at the service if need be."""
        if self._link.user is None:
            await self._link.call(ServiceClient.health, seconds=JOIN_SECONDS)
        return self._link.user or NOBODY

    async def _join_subagent(
        self, terminal: Terminal, top: Path, own: LocalAgent, subagent: str
    ) -> LocalAgent:
        kind = _cleaned(terminal.subagents.get(subagent, ""))
        had = self._state.name_of_subagent(own.session, own.name, subagent)
        taken = {agent.name for agent in self.agents(own.session)}
        fresh = (f"{own.name}.{kind}-{number}" for number in count(1))
        name = had or next(name for name in fresh if name not in taken)
        agent = LocalAgent(own.session, own.user, name, terminal.key, subagent, own.name, own.checkout)
        return self._keep(terminal, await self._enter(agent, top, only_if_free=False))

    async def _enter(self, agent: LocalAgent, top: Path, *, only_if_free: bool) -> LocalAgent:
        """Join, and return the agent as it joined: a checkout that is in use under another session leads there."""

        def join(client: ServiceClient) -> None:
            acting = client.acting(
                agent.session, agent.id, checkout=agent.checkout, terminal=str(agent.terminal)
            )
            acting.heartbeat(only_if_free=only_if_free)

        try:
            await self._link.call(join, seconds=JOIN_SECONDS)
        except RequestRefused as refusal:
            other = refusal.details.get("session")
            if refusal.code != "checkout_taken" or not isinstance(other, str) or other == agent.session:
                raise
            self._elsewhere[str(top)] = other
            return await self._enter(replace(agent, session=other), top, only_if_free=only_if_free)
        return agent

    def _keep(self, terminal: Terminal, agent: LocalAgent) -> LocalAgent:
        self._state.keep_name(agent, terminal.claude_session or None)
        terminal.agents[agent.session, agent.subagent] = agent
        self._joined(agent)
        return agent


def _names(had: str | None) -> Iterator[str]:
    """Yield the names to try: the one it had, then impl_a to impl_z, impl_aa and so on."""
    if had is not None:
        yield had
    letters = ("".join(some) for length in (1, 2) for some in product(ascii_lowercase, repeat=length))
    yield from (f"{_STEM}{some}" for some, _ in zip(letters, range(MOST_NAMES), strict=False))


def _cleaned(kind: str) -> str:
    """Return the type of a subagent as part of a name."""
    kept = "".join(character if character.isalnum() and character.isascii() else "-" for character in kind)
    return "-".join(part for part in kept.lower().split("-") if part)[:_TYPE_MAX].strip("-") or "subagent"
