"""Who works on this machine: terminals, their subagents, and under which names they are in which sessions.

A terminal is one Claude Code process. In each session that it works in it is an agent, and so is each of its subagents.
The session of a checkout is found when a terminal comes there for the first time, and stays for as long as the terminal
lives. How one joins, and under which name, is in `joining`.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from coordination.client.errors import RequestRefused
from coordination.daemon.chosen import Chosen, ChosenFor
from coordination.daemon.connection import LinkState, ServiceAway
from coordination.daemon.joining import NAME_TAKEN, NOBODY, Joining
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.state import State
from coordination.domain.agent_name import subagent_names
from coordination.domain.virtual_user import is_part
from coordination.repository.checkout import describe_checkout
from coordination.repository.identity import session_of

JOIN_SECONDS: Final = 1.1
"""How long joining may take, with all that it asks; a hook waits for it, and gives up soon after."""
__all__ = ["NOBODY", "Chosen", "ChosenFor", "Terminal", "Terminals"]
_CHECKOUT_TAKEN: Final = "checkout_taken"


@dataclass(slots=True)
class Terminal:
    """One Claude Code process.

    Attributes:
        key: which process.
        home: the top level of the repository that it was started in, or the folder where there is none.
        claude_session: Claude Code's id of its conversation, "" while it is not known.
        facts: what the hook program said of its environment.
        working: who is in a turn: None the terminal itself, else subagents.
        acted: when a hook of the terminal (None), or of a subagent, came last, in the loop's time.
        writing: the files that edits write which were let through and have not ended, with all their names; by who
            writes, as in `working`, and the file.
        subagents: the types of its subagents by Claude Code's id.
        calls: which subagent makes a tool call, by the id of the call.
        places: the sessions of the checkouts that it has come to, by top level.
        doubted: those of which it is to be asked again.
        agents: what it is, and its subagents are, by session and subagent.
        joining: whose turn it is to join.
        heard: set once its conversation is known, by a hook of its own or from before a restart.
        asked_at: since when a hook is awaited: when its connection for the tools asked first, by the clock of the event
            loop; None when none is awaited (`routes`).
        had: the names that its conversation had, by session, as long as it did not try for them.
        former: what it was before it got such a name, by session, as long as that has not left.
    """

    key: TerminalKey
    home: Path
    claude_session: str = ""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    working: set[str | None] = field(default_factory=set[str | None])
    acted: dict[str | None, float] = field(default_factory=dict[str | None, float])
    writing: dict[tuple[str | None, Path], frozenset[Path]] = field(
        default_factory=dict[tuple[str | None, Path], frozenset[Path]]
    )
    subagents: dict[str, str] = field(default_factory=dict[str, str])
    calls: dict[str, str] = field(default_factory=dict[str, str])
    places: dict[Path, str] = field(default_factory=dict[Path, str])
    doubted: set[Path] = field(default_factory=set[Path])
    agents: dict[tuple[str, str | None], LocalAgent] = field(
        default_factory=dict[tuple[str, str | None], LocalAgent]
    )
    joining: asyncio.Lock = field(default_factory=asyncio.Lock)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    asked_at: float | None = None
    had: dict[str, str] = field(default_factory=dict[str, str])
    former: dict[str, LocalAgent] = field(default_factory=dict[str, LocalAgent])


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
        self._joining = Joining(link, self._taken)
        self._terminals: dict[str, Terminal] = {}

    def __iter__(self) -> Iterator[Terminal]:
        return iter(list(self._terminals.values()))

    def add(self, key: TerminalKey, home: Path) -> Terminal:
        """Take note of a process, and return what is known of it from now on."""
        return self._terminals.setdefault(str(key), Terminal(key, home))

    def find(self, key: str) -> Terminal | None:
        """Return a terminal by its key as text, None when it is not known."""
        return self._terminals.get(key)

    def is_here(self, terminal: Terminal) -> bool:
        """Return whether a terminal has not ended meanwhile."""
        return self._terminals.get(str(terminal.key)) is terminal

    def gone(self, key: TerminalKey) -> list[LocalAgent]:
        """Forget a terminal whose process is no more, and return the agents that are no more with it.

        An agent whose name the person gave to two terminals is there as long as one of them is.
        """
        terminal = self._terminals.pop(str(key), None)
        if terminal is None:
            return []
        others = {(agent.session, agent.id) for agent in self.agents()}
        return [agent for agent in terminal.agents.values() if (agent.session, agent.id) not in others]

    def agents(self, session: str | None = None) -> list[LocalAgent]:
        """Return the agents of this machine, those of a session where one is named."""
        found = (agent for terminal in self._terminals.values() for agent in terminal.agents.values())
        return [agent for agent in found if session in {None, agent.session}]

    def of(self, agent: LocalAgent) -> Terminal | None:
        """Return the terminal that an agent is, or works in."""
        return self._terminals.get(str(agent.terminal))

    def known(self, terminal: Terminal, top: Path, subagent: str | None = None) -> LocalAgent | None:
        """Return the agent that a terminal, or its subagent, is in the session of a checkout already."""
        session = terminal.places.get(top)
        return None if session is None else terminal.agents.get((session, subagent))

    async def agent(self, terminal: Terminal, top: Path, subagent: str | None = None) -> LocalAgent:
        """Return the agent that a terminal, or its subagent, is in the session of a checkout; it joins it if need be.

        Args:
            terminal: the terminal.
            top: the top level of the checkout, or outside of git a folder.
            subagent: Claude Code's id of the subagent.

        Raises:
            ServiceAway: nobody can say under which name it may join, or not in time.
            RequestRefused: the service does not let it join.
            StateUnusable: nobody knows under which name it was there before.
        """
        known = self.known(terminal, top, subagent)
        is_doubted = known is not None and _is_doubted(terminal, top, known)
        if known is not None and (not is_doubted or self._link.state is not LinkState.REACHABLE):
            return known
        try:
            async with asyncio.timeout(JOIN_SECONDS), terminal.joining:
                return await self._come(terminal, top, subagent)
        except (TimeoutError, ServiceAway) as away:
            if known is not None:
                return known
            if isinstance(away, ServiceAway):
                raise
            raise ServiceAway("The service takes too long to let this terminal join.") from None

    def leave(self, agent: LocalAgent) -> None:
        """Forget that a terminal, or its subagent, is an agent; it joins anew when it acts again."""
        terminal = self.of(agent)
        if terminal is not None:
            terminal.agents.pop((agent.session, agent.subagent), None)

    def doubt(self, terminal: Terminal, top: Path) -> None:
        """Have it asked again, the next time, which session a checkout belongs to."""
        terminal.doubted.add(top)

    async def _come(self, terminal: Terminal, top: Path, subagent: str | None) -> LocalAgent:
        own = await self._own(terminal, top)
        if subagent is None:
            return own
        known = terminal.agents.get((own.session, subagent))
        return known or await self._join_subagent(terminal, own, subagent)

    async def _own(self, terminal: Terminal, top: Path) -> LocalAgent:
        """Return what a terminal is in the session of a checkout: the one that the service knows it under, if any."""
        known = self.known(terminal, top)
        if known is not None and not _is_doubted(terminal, top, known):
            return known
        meant, checkout = await asyncio.to_thread(self._meant, terminal, top)
        session, refused = meant.session, set[str]()
        while True:
            try:
                own = await self._in_session(terminal, session, meant.agent, checkout)
            except RequestRefused as refusal:
                refused.add(session)
                session = _leads_to(refusal)
                if session in {"", *refused}:
                    raise
            else:
                terminal.places[top] = session
                terminal.doubted.discard(top)
                return own

    async def _in_session(self, terminal: Terminal, session: str, named: str, checkout: str) -> LocalAgent:
        known = terminal.agents.get((session, None))
        if known is not None:
            if not named and (renamed := await self._renamed(terminal, known, checkout)) is not None:
                return renamed
            terminal.had.pop(session, None)
            # It comes to another checkout, which may belong to another session.
            await self._joining.enter(replace(known, checkout=checkout))
            return known
        agent = LocalAgent(session, await self._joining.user(), named, terminal.key, checkout=checkout)
        # Two terminals of one name would be one agent, and hold what the other holds: the second gets another name.
        had = self._state.name_in_terminal(session, terminal.key) or named
        if not had and terminal.claude_session:
            had = self._state.name_in_claude_session(session, terminal.claude_session) or ""
        async with self._joining.named(agent, had or None) as joined:
            terminal.had.pop(session, None)
            return self._keep(terminal, joined)

    async def _renamed(self, terminal: Terminal, known: LocalAgent, checkout: str) -> LocalAgent | None:
        """Have a terminal take the name that its conversation had; None when there is none, or somebody has it."""
        had = terminal.had.get(known.session)
        if had is None or had == known.name:
            return None
        try:
            async with self._joining.named(replace(known, checkout=checkout), had, iter(())) as joined:
                del terminal.had[known.session]
                terminal.former[known.session] = known
                return self._keep(terminal, joined)
        except RequestRefused as refusal:
            if refusal.code != NAME_TAKEN:
                raise
            return None

    async def _join_subagent(self, terminal: Terminal, own: LocalAgent, subagent: str) -> LocalAgent:
        had = self._state.name_of_subagent(own.session, own.name, subagent)
        kept = self._state.names(own.session)
        names = subagent_names(own.name, terminal.subagents.get(subagent, ""))
        agent = replace(own, name="", subagent=subagent, parent=own.name)
        async with self._joining.named(agent, had, (name for name in names if name not in kept)) as joined:
            return self._keep(terminal, joined)

    def _keep(self, terminal: Terminal, agent: LocalAgent) -> LocalAgent:
        if not self.is_here(terminal):
            # It is told of all the same, so that it leaves.
            self._joined(agent)
            raise ServiceAway("The terminal has ended.")
        terminal.agents[agent.session, agent.subagent] = agent
        self._state.keep_name(agent, terminal.claude_session or None)
        self._joined(agent)
        return agent

    def _taken(self, session: str) -> set[str]:
        return {agent.name for agent in self.agents(session)}

    def _meant(self, terminal: Terminal, top: Path) -> tuple[Chosen, str]:
        """Return the session and the name that a person said, else the repository's session and ''; and the checkout.

        A session or a name that can be none counts as not said.
        """
        chosen = self._chosen(top) or Chosen("", "")
        sessions = (terminal.facts.get("COORD_SESSION", ""), chosen.session)
        names = (terminal.facts.get("COORD_AGENT", ""), chosen.agent)
        session = next((said for said in sessions if is_part(said)), "") or session_of(top)
        return Chosen(session, next((said for said in names if is_part(said)), "")), describe_checkout(
            top
        ) or ""


def _is_doubted(terminal: Terminal, top: Path, own: LocalAgent) -> bool:
    """Return whether it is to be asked again which session a checkout belongs to, or for the name in it."""
    return top in terminal.doubted or own.session in terminal.had


def _leads_to(refusal: RequestRefused) -> str:
    """Return the session that has a checkout which may not be used here; '' for none that goes on."""
    other = refusal.details.get("session")
    is_there = refusal.code == _CHECKOUT_TAKEN and refusal.details.get("active", True)
    return other if is_there and isinstance(other, str) else ""
