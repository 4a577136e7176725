"""What the daemon knows beyond its own life: names, terminals, what agents have read and wait for, who wrote last.

An agent keeps its name through resume, clear, compaction and a restart of the daemon, because it is kept by Claude
Code's session and by the terminal. All is bounded by age and number, and what is in use is kept young. Leases are not
kept here: the service is asked for them. How the file is kept is known to `state_file`.

Who is here and under which name is known without it too, so while it cannot be written, as on a full disk, that is
logged and nothing else: whoever ended has to leave all the same.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.state_file import StateFile, StateUnusable

_TOUCHED_AFTER: Final = 3600.0
"""Seconds after which a name that is asked for counts as used again."""

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KnownTerminal:
    """A terminal that was seen, alive or not.

    Attributes:
        key: which process.
        claude_sessions: Claude Code's ids of the sessions in it, the last one last.
    """

    key: TerminalKey
    claude_sessions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownWrite:
    """Who wrote a file last, as far as agents of this machine did.

    Attributes:
        digest: what the file was afterwards.
        session: the writer's session.
        agent: the writer's id in it, `user/name`.
        at: when, in seconds since 1970.
    """

    digest: bytes
    session: str
    agent: str
    at: float


class State:
    """The daemon's memory.

    Args:
        file: where it is kept.

    Raises:
        StateUnusable: of every call: it cannot be read, or what was read or written by agents not be kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = StateFile(file)

    @property
    def problem(self) -> str:
        """Why the memory was begun anew, as a sentence for the person; '' when it was not."""
        return self._file.problem

    def close(self) -> None:
        """Close the file; what was kept stays."""
        self._file.close()

    def name_in_claude_session(self, session: str, claude_session: str) -> str | None:
        """Return the name that one of Claude Code's sessions has in a session."""
        return self._name(session, f"claude:{claude_session}")

    def names_in_claude_session(self, claude_session: str) -> dict[str, str]:
        """Return the names that one of Claude Code's sessions has, by session."""
        return dict(
            self._file.read("SELECT session, name FROM names WHERE known_by = ?", f"claude:{claude_session}")
        )

    def name_in_terminal(self, session: str, terminal: TerminalKey) -> str | None:
        """Return the name that a terminal has in a session."""
        return self._name(session, f"terminal:{terminal}")

    def name_of_subagent(self, session: str, parent: str, subagent: str) -> str | None:
        """Return the name of a subagent, by its parent's name and Claude Code's id of it."""
        return self._name(session, f"subagent:{parent}:{subagent}")

    def keep_name(self, agent: LocalAgent, claude_session: str | None = None) -> None:
        """Keep an agent's name: a subagent's by its parent and id, another's by terminal and Claude Code's session."""
        if agent.subagent is not None:
            self._keep_name(agent.session, f"subagent:{agent.parent}:{agent.subagent}", agent.name)
            return
        self._keep_name(agent.session, f"terminal:{agent.terminal}", agent.name)
        if claude_session is not None:
            self._keep_name(agent.session, f"claude:{claude_session}", agent.name)

    def agents(self, terminal: TerminalKey, user: str) -> tuple[LocalAgent, ...]:
        """Return the agents that a terminal was, one in each session; its subagents are not among them."""
        rows = self._file.read("SELECT session, name FROM names WHERE known_by = ?", f"terminal:{terminal}")
        return tuple(LocalAgent(session, user, name, terminal) for session, name in rows)

    def names(self, session: str) -> frozenset[str]:
        """Return all names that are kept for a session, those of subagents too."""
        return frozenset(
            row[0] for row in self._file.read("SELECT name FROM names WHERE session = ?", session)
        )

    def keep_terminal(self, terminal: TerminalKey, claude_session: str) -> None:
        """Keep that a terminal was seen, and with which of Claude Code's sessions."""
        self._keep_terminal(
            terminal,
            "INSERT INTO terminals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
            claude_session,
            time.time(),
        )

    def forget_terminal(self, terminal: TerminalKey) -> None:
        """Forget a terminal that has ended; its names stay, for whoever resumes its session."""
        self._keep_terminal(terminal, "DELETE FROM terminals WHERE pid = ? AND started = ?")

    def terminals(self) -> tuple[KnownTerminal, ...]:
        """Return the terminals that were seen and not forgotten, the one that was seen first first."""
        found: dict[TerminalKey, list[str]] = {}
        for pid, started, claude in self._file.read(
            "SELECT pid, started, claude_session FROM terminals ORDER BY at"
        ):
            found.setdefault(TerminalKey(pid, started), []).append(claude)
        return tuple(KnownTerminal(key, tuple(sessions)) for key, sessions in found.items())

    def keep_read(self, reader: str, real: str, digest: bytes) -> None:
        """Keep as what a reader knows a file; the last time counts."""
        self._file.write(
            "INSERT OR REPLACE INTO reads VALUES (?, ?, ?, ?)",
            reader,
            os.fsencode(real),
            digest,
            time.time(),
        )

    def digest_read(self, reader: str, real: str) -> bytes | None:
        """Return as what a reader knows a file; None when it does not."""
        rows = self._file.read(
            "SELECT digest FROM reads WHERE reader = ? AND path = ?", reader, os.fsencode(real)
        )
        return rows[0][0] if rows else None

    def keep_write(self, agent: LocalAgent, real: str, digest: bytes) -> None:
        """Keep that an agent wrote a file, and what it was afterwards."""
        self._file.write(
            "INSERT OR REPLACE INTO writers VALUES (?, ?, ?, ?, ?)",
            os.fsencode(real),
            digest,
            agent.session,
            agent.id,
            time.time(),
        )

    def last_write(self, real: str) -> KnownWrite | None:
        """Return who wrote a file last; None when no agent of this machine did."""
        rows = self._file.read(
            "SELECT digest, session, agent, at FROM writers WHERE path = ?", os.fsencode(real)
        )
        return KnownWrite(*rows[0]) if rows else None

    def keep_wish(self, agent: LocalAgent, path: str) -> None:
        """Keep that an agent waits for a file."""
        self._file.write(
            "INSERT OR REPLACE INTO wishes VALUES (?, ?, ?)", _who(agent), os.fsencode(path), time.time()
        )

    def drop_wish(self, agent: LocalAgent, path: str) -> None:
        """Keep no more that an agent waits for a file."""
        self._file.write("DELETE FROM wishes WHERE agent = ? AND path = ?", _who(agent), os.fsencode(path))

    def drop_wishes(self, agent: LocalAgent) -> None:
        """Keep no more that an agent waits for anything."""
        self._file.write("DELETE FROM wishes WHERE agent = ?", _who(agent))

    def wishes(self, agent: LocalAgent) -> tuple[str, ...]:
        """Return the files that an agent waits for, by name."""
        rows = self._file.read("SELECT path FROM wishes WHERE agent = ? ORDER BY path", _who(agent))
        return tuple(os.fsdecode(row[0]) for row in rows)

    def _name(self, session: str, known_by: str) -> str | None:
        rows = self._file.read(
            "SELECT name, at FROM names WHERE session = ? AND known_by = ?", session, known_by
        )
        if not rows:
            return None
        name, at = rows[0]
        if time.time() - at > _TOUCHED_AFTER:
            self._keep_name(session, known_by, name)
        return str(name)

    def _keep_name(self, session: str, known_by: str, name: str) -> None:
        try:
            self._file.write(
                "INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?)", session, known_by, name, time.time()
            )
        except StateUnusable as error:
            _log.warning("agent_name_not_kept", session=session, agent=name, error=str(error))

    def _keep_terminal(self, terminal: TerminalKey, statement: str, *values: object) -> None:
        try:
            self._file.write(statement, terminal.pid, terminal.started, *values)
        except StateUnusable as error:
            _log.warning("terminal_not_kept", terminal=str(terminal), error=str(error))


def _who(agent: LocalAgent) -> str:
    return f"{agent.session}/{agent.id}"
