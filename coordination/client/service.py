"""`ServiceClient`: the service's HTTP API as typed calls, for the commands and for tests.

Answers become the values of the domain. Refusals (RFC 9457 problems) become `RequestRefused` with the service's own
words, a silent or broken service `ServiceUnreachable` or `ServiceUnavailable`. It keeps no state but the connection,
caches nothing, and an answer that it cannot read is an error, never an empty result.
"""

from collections.abc import Iterator
from typing import Any, Final, Self

from coordination.client.address import part, session_path
from coordination.client.agent import AgentClient
from coordination.client.channel import PAGE, Channel, Credential
from coordination.client.retry import Patience
from coordination.domain.file_index import IndexSummary, KnownFile, Refresh
from coordination.domain.file_lock import Lease
from coordination.domain.plan.handed_out import Plan, PlanSummary
from coordination.domain.planner import HeldRole
from coordination.domain.session import AgentStatus, AgentSummary, SessionStatus, SessionSummary
from coordination.domain.task import Message, Task
from coordination.wire.file_index import Added, IndexPage, KnownFilePage
from coordination.wire.plan import FirstPrompt
from coordination.wire.planning import AnalysisResult
from coordination.wire.rest import (
    AgentPage,
    EventPage,
    LockPage,
    MessagePage,
    PlanPage,
    Revoked,
    Sent,
    SessionPage,
    SessionSettings,
    TaskPage,
)

AGENTS_PAGE: Final = 100
FILES_PAGE: Final = 10_000


class ServiceClient:
    """Asks one service; use it as a context manager.

    Args:
        url: where the service is, such as `http://127.0.0.1:8000`, with its prefix if it has one.
        token: the credential to send, or None.
        patience: how often a question is repeated.
        workspace: the id of the workspace that is meant; None leaves it to the credential.

    Attributes:
        url: where the service is.
        channel: the connection to it.
        user: the name under which what a person does is recorded, None when only the service knows.
    """

    def __init__(
        self,
        url: str,
        token: Credential = None,
        *,
        patience: Patience | None = None,
        workspace: str | None = None,
    ) -> None:
        self.channel = Channel(url, token, patience or Patience(), workspace=workspace)
        self.url = self.channel.url
        self.user: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()

    def acting(self, session: str, agent: str, *, checkout: str = "", terminal: str = "") -> AgentClient:
        """Return what acts for an agent over this connection; the arguments are those of `AgentClient`."""
        return AgentClient(self.channel, session, agent, checkout, terminal)

    def health(self) -> dict[str, Any]:
        """Read how the service is: `status` is `ok`, `degraded` or `starting`, the rest is part by part."""
        return self.channel.ask_once("/health/detailed", dict[str, Any])

    # --- questions: repeated while the service is away ---------------------------------------------------------

    def sessions(self) -> list[SessionSummary]:
        """Read all sessions, by id."""
        return [session for page in self.channel.pages("/sessions", SessionPage) for session in page.sessions]

    def status(
        self, session: str, *, agent: str | None = None, include_inactive: bool = False
    ) -> SessionStatus:
        """Read who is in a session, doing what, holding or waiting for what; all agents, whatever their number."""
        wanted = {"include_inactive": str(include_inactive).lower(), "limit": AGENTS_PAGE}
        if agent is not None:
            wanted["agent"] = agent
        pages = list(self.channel.pages(session_path(session), SessionStatus, **wanted))
        agents: list[AgentStatus] = [found for page in pages for found in page.agents]
        first = pages[0]
        return SessionStatus(
            now=first.now,
            session=first.session,
            status=first.status,
            across_checkouts=first.across_checkouts,
            agents=tuple(agents),
            waits=first.waits,
            overlaps=first.overlaps,
            totals=first.totals,
        )

    def agents(self, session: str) -> list[AgentSummary]:
        """Read all agents that ever joined a session, by id."""
        return [
            one
            for page in self.channel.pages(f"{session_path(session)}/agents", AgentPage)
            for one in page.agents
        ]

    def agent(self, session: str, agent_id: str) -> AgentStatus:
        """Read one agent, by its id, `user/name`: what it does, holds and waits for."""
        return self.channel.ask(f"{session_path(session)}/agents/{part(agent_id)}", AgentStatus, {})

    def locks(self, session: str) -> list[Lease]:
        """Read all live leases of a session, by path."""
        return [
            lock
            for page in self.channel.pages(f"{session_path(session)}/locks", LockPage)
            for lock in page.locks
        ]

    def events(self, session: str, after: int, *, limit: int = PAGE, wait_seconds: float = 0) -> EventPage:
        """Read the events after number `after`, waiting for the first one if there is none yet."""
        wanted = {"after": after, "limit": limit, "wait_seconds": wait_seconds}
        return self.channel.ask(
            f"{session_path(session)}/events", EventPage, wanted, wait_seconds=wait_seconds
        )

    def messages(self, session: str, after: int = 0) -> Iterator[Message]:
        """Read what was written in a session after number `after`, in order."""
        for page in self.channel.pages(f"{session_path(session)}/messages", MessagePage, after=after):
            yield from page.messages

    def tasks(self, session: str, *, status: str | None = None, agent: str | None = None) -> list[Task]:
        """Read the tasks of a session by id: all, those that stand at `status`, those of an agent by id or name."""
        wanted = {name: value for name, value in (("status", status), ("agent", agent)) if value is not None}
        pages = self.channel.pages(f"{session_path(session)}/tasks", TaskPage, **wanted)
        return [task for page in pages for task in page.tasks]

    def task(self, session: str, task_id: str) -> Task:
        """Read one task with what its holder last reported."""
        return self.channel.ask(f"{session_path(session)}/tasks/{part(task_id)}", Task, {})

    def analysis(self, session: str, analysis_id: str) -> AnalysisResult:
        """Read an analysis of a session, all of it."""
        return self.channel.ask(f"{session_path(session)}/analyses/{part(analysis_id)}", AnalysisResult, {})

    def plans(self, session: str) -> list[PlanSummary]:
        """Read which plans were handed out in a session, by revision."""
        return [
            plan
            for page in self.channel.pages(f"{session_path(session)}/plans", PlanPage)
            for plan in page.plans
        ]

    def plan(self, session: str, revision: int | None = None) -> Plan:
        """Read the latest plan of a session, its tasks as they are now, or the one of a revision."""
        which = "plan" if revision is None else f"plans/{revision}"
        return self.channel.ask(f"{session_path(session)}/{which}", Plan, {})

    def prompt(self, session: str, agent: str) -> str:
        """Read what an agent of the plan, by id or name, is told first."""
        return self.channel.ask(f"{session_path(session)}/prompt", FirstPrompt, {"agent": agent}).prompt

    def indexes(self, session: str) -> list[IndexSummary]:
        """Read which checkouts of a session have a file index, by key."""
        pages = self.channel.pages(f"{session_path(session)}/index", IndexPage)
        return [index for page in pages for index in page.indexes]

    def known_files(self, session: str, checkout: str) -> Iterator[KnownFile]:
        """Read what the index of a checkout holds, by path."""
        wanted = {"checkout": checkout, "limit": FILES_PAGE}
        for page in self.channel.pages(f"{session_path(session)}/index/files", KnownFilePage, **wanted):
            yield from page.files

    # --- writes: sent once --------------------------------------------------------------------------------------

    def configure(
        self, session: str, by: str, *, status: str | None = None, across_checkouts: str | None = None
    ) -> SessionSettings:
        """Close, open or configure a session."""
        change = {"status": status, "across_checkouts": across_checkouts, "by": by}
        return self.channel.write("PATCH", session_path(session), change, SessionSettings)

    def revoke(
        self, session: str, by: str, *, paths: list[str] | None = None, agent: str | None = None
    ) -> list[Lease]:
        """Take the leases on `paths`, of `agent` (its id), of both together, or with neither all of the session."""
        wanted = {"paths": paths, "agent": agent, "by": by, "everything": paths is None and agent is None}
        return self.channel.write("POST", f"{session_path(session)}/locks/revoke", wanted, Revoked).revoked

    def send(self, session: str, sender: str, text: str, to: list[str] | None) -> list[str]:
        """Send a message to agents by id or name, or with None to all; returns the recipients' ids."""
        message = {"sender": sender, "text": text, "to": to}
        return self.channel.write("POST", f"{session_path(session)}/messages", message, Sent).sent_to

    def take_planner(self, session: str, by: str, agent: str) -> HeldRole:
        """Let an agent, by its id, take the planner's role."""
        change = {"agent": agent, "by": by}
        return self.channel.write("POST", f"{session_path(session)}/planner", change, HeldRole)

    def give_planner_back(self, session: str, by: str, agent: str) -> HeldRole:
        """Let an agent, by its id, give the planner's role back."""
        change = {"agent": agent, "by": by}
        return self.channel.write("DELETE", f"{session_path(session)}/planner", change, HeldRole)

    def begin_index(self, session: str, checkout: str, by: str | None = None) -> Refresh:
        """Begin to refresh the index of a checkout, as a person `by` the session too, should it not be there.

        It is repeated when need be; the last one begun counts.
        """
        wanted = {"checkout": checkout, "by": by}
        path = f"{session_path(session)}/index/begin"
        return self.channel.repeat(path, wanted, Refresh)

    def add_to_index(
        self, session: str, checkout: str, refresh: int, files: list[dict[str, object]], removed: list[str]
    ) -> Added:
        """Add files (`wire.file_index.facts_of`) and paths that are gone; it may be repeated, so it is when need be."""
        batch = {"checkout": checkout, "refresh": refresh, "files": files, "removed": removed}
        path = f"{session_path(session)}/index/files"
        return self.channel.repeat(path, batch, Added)

    def finish_index(
        self, session: str, checkout: str, refresh: int, *, files: int, commit: str, fingerprint: str
    ) -> IndexSummary:
        """Let a refresh count; the index must then hold so many files.

        It is repeated when need be. When the answer to one that counted got lost, that is refused as `refresh_over`.
        """
        end = {"checkout": checkout, "refresh": refresh, "files": files, "commit": commit}
        path = f"{session_path(session)}/index/finish"
        return self.channel.repeat(path, {**end, "fingerprint": fingerprint}, IndexSummary)
