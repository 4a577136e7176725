"""What in a session's status needs a person's attention, each as one sentence and, where there is one, the line to run.

Pure: status in, concerns out. What agents are called is theirs, so names are cleaned before they are repeated.
"""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from coordination.cli.duration import briefly
from coordination.domain.agent import RECENT_SECONDS, Presence
from coordination.domain.session import AgentStatus, SessionState, SessionStatus
from coordination.domain.text import clean

SILENT_SECONDS: Final = 5 * 60
"""After this long an agent that was shown the tools should have called one."""
FORGOTTEN_SECONDS: Final = 2 * 3600
"""A terminal that was not heard of for so long was most likely closed."""
NAME: Final = 130
PATH: Final = 120

Line = Callable[[str], str]
"""How to write a command so that it can be pasted, from what follows `coord` (see `place.coord`)."""


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that needs attention.

    Attributes:
        says: what it is, and in words what to do.
        line: what to paste for that, or "".
    """

    says: str
    line: str = ""

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.says} {self.line}".rstrip()


def attention(status: SessionStatus, health: dict[str, Any] | None, line: Line) -> list[Concern]:
    """Return what there is to say about a status.

    Args:
        status: all agents of a session, the inactive ones too.
        health: what `/health/detailed` answers; None when it could not be asked.
        line: how to write a command.
    """
    return [*_service(health, line), *_session(status), *_agents(status, line), *_checkouts(status)]


def has_left(agent: AgentStatus, status: SessionStatus) -> bool:
    """Whether an agent is out of the session, not merely quiet: all agents of a closed one are until they call."""
    early = agent.presence is Presence.INACTIVE and agent.quiet_seconds <= RECENT_SECONDS
    return early or status.status != SessionState.ACTIVE


def _service(health: dict[str, Any] | None, line: Line) -> Iterator[Concern]:
    if health is None:
        yield Concern("The service does not say how it is, so this may be out of date. Look:", line("doctor"))
    elif health.get("status") != "ok":
        state = clean(str(health.get("status")), NAME)
        yield Concern(f"The service is {state}: answers may be late or missing. Look:", line("doctor"))


def _session(status: SessionStatus) -> Iterator[Concern]:
    if status.status != "active":
        name, state = clean(status.session, NAME), clean(status.status, NAME)
        yield Concern(f"Session {name} is {state}. Whoever joins it opens it again.")


def _agents(status: SessionStatus, line: Line) -> Iterator[Concern]:
    for agent in status.agents:
        name = clean(agent.agent_id, NAME)
        if has_left(agent, status):
            if agent.lock_count:
                yield _locks_left(agent, status, f"{name} left and still holds", line)
            continue
        if agent.terminals > 1:
            yield Concern(
                f"{agent.terminals} terminals use the name {name}: their locks do not keep them apart. "
                f"End one and start it under a name of its own:",
                "COORD_AGENT=another_name claude",
            )
        if _never_called(agent, status):
            yield Concern(
                f"{name} was shown the tools {briefly(_since_listed(agent, status))} ago and has called none, so it "
                "works without locks. Tell it in its terminal: use claim_file_lock before you edit."
            )
        if agent.presence is Presence.INACTIVE and agent.lock_count:
            quiet = f"{name} has been quiet for {briefly(agent.quiet_seconds)} and holds"
            yield _locks_left(agent, status, quiet, line)


def _locks_left(agent: AgentStatus, status: SessionStatus, begin: str, line: Line) -> Concern:
    return Concern(
        f"{begin} {agent.lock_count} lock(s). They end by themselves; to free them now:",
        line(f"revoke {_quoted(status.session)} --agent {_quoted(agent.agent_id)}"),
    )


def _checkouts(status: SessionStatus) -> Iterator[Concern]:
    for overlap in status.overlaps:
        yield Concern(
            f"{clean(overlap.agent_id, NAME)} and {clean(overlap.other_agent_id, NAME)} work on "
            f"{clean(overlap.path, PATH)} in different checkouts: they will meet when you merge."
        )


def _quoted(name: str) -> str:
    return shlex.quote(clean(name, NAME))


def _never_called(agent: AgentStatus, status: SessionStatus) -> bool:
    return (
        agent.called_at is None
        and agent.listed_at is not None
        and agent.quiet_seconds < FORGOTTEN_SECONDS
        and _since_listed(agent, status) >= SILENT_SECONDS
    )


def _since_listed(agent: AgentStatus, status: SessionStatus) -> float:
    return 0.0 if agent.listed_at is None else (status.now - agent.listed_at).total_seconds()
