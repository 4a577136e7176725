"""Agents of this machine, as the daemon knows them: which session, which terminal, and which subagent in it.

One terminal is an agent in each session that it works in, and so is each of its subagents. They are values: what an
agent holds, has read or is to be told is kept elsewhere, by agent.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TerminalKey:
    """One Claude Code process, told from a later one of the same id by its start.

    Attributes:
        pid: its process id.
        started: when it began, in seconds since 1970 with two decimals, as text.
    """

    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.pid}-{self.started}"


@dataclass(frozen=True, slots=True)
class LocalAgent:
    """A terminal or a subagent in one session.

    Attributes:
        session: the session's id.
        user: whose it is.
        name: its name in the session.
        terminal: the terminal that it is, or that it works in.
        subagent: Claude Code's id of the subagent; None for the terminal itself.
        parent: the name of the terminal's own agent; None for the terminal itself.
        checkout: where it joined, `{host}:{git top level}`, or "" outside of git; it may work in others too.
    """

    session: str
    user: str
    name: str
    terminal: TerminalKey
    subagent: str | None = None
    parent: str | None = None
    checkout: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        """Its key in the session, `user/name`."""
        return f"{self.user}/{self.name}"
