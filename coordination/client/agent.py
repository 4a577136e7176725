"""`AgentClient`: what an agent's program does over HTTP, as typed calls, for the daemon, hooks and tests.

It keeps who acts and where, and no lease: whoever claims keeps the tokens, because renewals and releases name them.
What may be sent twice is repeated while the service is away, the rest is sent once; each call says which it is.
"""

from collections.abc import Iterable
from typing import Any, Final

from coordination.client.address import session_path
from coordination.client.channel import AnswerT, Channel
from coordination.domain.agent import WhyLeft
from coordination.domain.file_lock import Granted, Held, Lease, Operation
from coordination.domain.plan.analysis import Complexity
from coordination.domain.session import AgentStatus, Departure
from coordination.domain.task import Synced, TaskStatus
from coordination.wire.acting import Claimed, NewsConfirmed, Released, Renewed
from coordination.wire.planning import AnalysisResult, PlanHandedOut

ANALYSIS_SECONDS: Final = 25
"""How much longer an analysis may take than another answer: a large index is prepared for it."""


class AgentClient:
    """Acts for one agent of a session.

    Args:
        channel: the connection to the service.
        session: the session's id; it begins with the first call when there is none.
        agent: the agent's id, `user/name`.
        checkout: `{host}:{git top level}`, or '' when it is not known.
        terminal: `{pid}-{start time}`, or ''.
    """

    def __init__(self, channel: Channel, session: str, agent: str, checkout: str, terminal: str) -> None:
        self._channel = channel
        self._path = session_path(session)
        self._acting = {"agent": agent, "checkout": checkout, "terminal": terminal}

    def claim(
        self,
        paths: list[str],
        *,
        operation: Operation = Operation.WRITE,
        duration_minutes: int = 15,
        wait_seconds: int = 0,
        reason: str = "",
        task_id: str = "",
        literal: bool = False,
    ) -> Granted | Held:
        """Claim all paths or none, waiting up to `wait_seconds` for the agent's turn.

        It may be repeated, so it is when need be: claiming again what one holds extends it and keeps its token. When
        the answer to the first one got lost, `granted_tokens` is empty and does not say that the grants are new.
        """
        wanted = {
            "paths": paths,
            "operation": operation,
            "duration_minutes": duration_minutes,
            "wait_seconds": wait_seconds,
            "reason": reason,
            "task_id": task_id,
            "literal": literal,
        }
        return self._repeat("locks/claim", wanted, Claimed, wait_seconds=wait_seconds).as_outcome()

    def renew(self, leases: Iterable[Lease], *, duration_minutes: int = 15) -> tuple[Lease, ...]:
        """Extend exactly these leases, all or none; repeated when need be."""
        wanted = {"leases": _named(leases), "duration_minutes": duration_minutes}
        return self._repeat("locks/renew", wanted, Renewed).renewed

    def release(self, leases: Iterable[Lease]) -> tuple[Lease, ...]:
        """Give exactly these leases back, all or none; sent once: a second time they would count as lost."""
        return self._once("locks/release", {"leases": _named(leases)}, Released).released

    def heartbeat(self, *, only_if_free: bool = False) -> AgentStatus:
        """Join, or say that one is still there; repeated when need be.

        With `only_if_free`, which needs the terminal, it is refused as `name_taken` while another one has the name.
        """
        return self._repeat("agents", {"only_if_free": only_if_free or None}, AgentStatus)

    def leave(self, why: WhyLeft) -> Departure:
        """Leave the session and release all that the agent holds; repeated when need be."""
        wanted = {**self._acting, "why": why}
        return self._channel.repeat(f"{self._path}/agents", wanted, Departure, method="DELETE")

    def sync(
        self,
        task_id: str | None = None,
        status: TaskStatus | None = None,
        *,
        progress_percentage: int | None = None,
        message: str | None = None,
        affected_files: list[str] | None = None,
        to: list[str] | None = None,
    ) -> Synced:
        """Report, and read the news, which come again until `confirm_news`; task and status go together.

        Repeated when need be as long as it only asks for news; a report is sent once, because it may have been written.
        """
        report = {
            "task_id": task_id,
            "status": status,
            "progress_percentage": progress_percentage,
            "message": message,
            "affected_files": affected_files,
            "to": to,
        }
        only_asks = all(value is None for value in report.values())
        return (self._repeat if only_asks else self._once)("sync", report, Synced)

    def confirm_news(self, cursor: int) -> None:
        """Say that the news up to the cursor of a sync arrived, so that they come no more; repeated when need be."""
        self._repeat("news/confirm", {"cursor": cursor}, NewsConfirmed)

    # Any: a task is JSON, as the page on HTTP shows it.
    def analyse(
        self,
        tasks: list[str | dict[str, Any]],
        *,
        project_files: list[str] | None = None,
        complexity_level: Complexity = Complexity.MODERATE,
    ) -> AnalysisResult:
        """Analyse tasks, as a planner; repeated when need be, because the same tasks give the same analysis."""
        wanted = {"tasks": tasks, "project_files": project_files, "complexity_level": complexity_level}
        return self._repeat("analyses", wanted, AnalysisResult, wait_seconds=ANALYSIS_SECONDS)

    def distribute(self, analysis_id: str, preferred_agent_count: int | None = None) -> PlanHandedOut:
        """Hand an analysed plan out, as a planner; sent once: a second time it would be another plan."""
        wanted = {"analysis_id": analysis_id, "preferred_agent_count": preferred_agent_count}
        return self._once("plans", wanted, PlanHandedOut)

    # Any: JSON.
    def _once(self, path: str, body: dict[str, Any], answer: type[AnswerT]) -> AnswerT:
        return self._channel.write("POST", f"{self._path}/{path}", {**self._acting, **body}, answer)

    def _repeat(
        self, path: str, body: dict[str, Any], answer: type[AnswerT], *, wait_seconds: float = 0
    ) -> AnswerT:
        whole = {**self._acting, **body}
        return self._channel.repeat(f"{self._path}/{path}", whole, answer, wait_seconds=wait_seconds)


def _named(leases: Iterable[Lease]) -> list[dict[str, object]]:
    return [{"path": lease.path, "fencing_token": lease.fencing_token} for lease in leases]
