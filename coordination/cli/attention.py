"""What in a session's status needs a person's attention, each as one sentence that ends in what to do.

Pure: status in, sentences out. What agents are called is theirs, so names are cleaned before they are repeated.
"""

from collections.abc import Iterator
from typing import Any, Final

from coordination.cli.duration import briefly
from coordination.domain.agent import Presence
from coordination.domain.session import AgentStatus, SessionStatus
from coordination.domain.text import clean

SILENT_SECONDS: Final = 5 * 60
"""After this long an agent that was shown the tools should have called one."""
FORGOTTEN_SECONDS: Final = 2 * 3600
"""A terminal that was not heard of for so long was most likely closed."""
NAME: Final = 130
PATH: Final = 120


def attention(status: SessionStatus, health: dict[str, Any] | None) -> list[str]:
    """Return the warnings for a status.

    Args:
        status: all agents of a session, the inactive ones too.
        health: what `/health/detailed` answers; None when it could not be asked.
    """
    return [*_service(health), *_session(status), *_agents(status), *_checkouts(status)]


def _service(health: dict[str, Any] | None) -> Iterator[str]:
    if health is None:
        yield "The service does not say how it is, so this may be out of date. Look: coord doctor"
    elif health.get("status") != "ok":
        state = clean(str(health.get("status")), NAME)
        yield f"The service is {state}: answers may be late or missing. Look: coord doctor"


def _session(status: SessionStatus) -> Iterator[str]:
    if status.status != "active":
        yield f"Session {clean(status.session, NAME)} is {clean(status.status, NAME)}. Whoever joins it opens it again."


def _agents(status: SessionStatus) -> Iterator[str]:
    for agent in status.agents:
        name = clean(agent.agent_id, NAME)
        if agent.terminals > 1:
            yield (
                f"{agent.terminals} terminals use the name {name}: their locks do not keep them apart. "
                f"End one and start it under a name of its own: COORD_AGENT=another_name claude"
            )
        if _never_called(agent, status):
            yield (
                f"{name} was shown the tools {briefly(_since_listed(agent, status))} ago and has called none, so it "
                "works without locks. Tell it in its terminal: use claim_file_lock before you edit."
            )
        if agent.presence is Presence.INACTIVE and agent.lock_count:
            yield (
                f"{name} has been quiet for {briefly(agent.quiet_seconds)} and holds {agent.lock_count} "
                f"lock(s). They end by themselves; to free them now: "
                f"coord revoke {clean(status.session, NAME)} --agent {name}"
            )


def _checkouts(status: SessionStatus) -> Iterator[str]:
    for overlap in status.overlaps:
        yield (
            f"{clean(overlap.agent_id, NAME)} and {clean(overlap.other_agent_id, NAME)} work on "
            f"{clean(overlap.path, PATH)} in different checkouts: they will meet when you merge."
        )


def _never_called(agent: AgentStatus, status: SessionStatus) -> bool:
    return (
        agent.called_at is None
        and agent.listed_at is not None
        and agent.quiet_seconds < FORGOTTEN_SECONDS
        and _since_listed(agent, status) >= SILENT_SECONDS
    )


def _since_listed(agent: AgentStatus, status: SessionStatus) -> float:
    return 0.0 if agent.listed_at is None else (status.now - agent.listed_at).total_seconds()
