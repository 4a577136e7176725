"""`ServiceClient`: the service's HTTP API as typed calls, for the commands and for tests.

Answers become the values of the domain. Refusals (RFC 9457 problems) become `RequestRefused` with the service's own
words, a silent or broken service `ServiceUnreachable` or `ServiceUnavailable`. It keeps no state but the connection,
caches nothing, and an answer that it cannot read is an error, never an empty result.
"""

import ipaddress
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from coordination.client.connection import told_apart
from coordination.client.errors import ClientError, RequestRefused, ServiceUnavailable
from coordination.client.retry import Patience
from coordination.domain.file_index import IndexSummary, KnownFile, Refresh
from coordination.domain.file_lock import Lease
from coordination.domain.plan.handed_out import Plan
from coordination.domain.session import AgentStatus, SessionStatus, SessionSummary
from coordination.wire.file_index import Added, KnownFilePage, SessionIndexes
from coordination.wire.plan import FirstPrompt
from coordination.wire.rest import EventPage, LockPage, Revoked, Sent, SessionPage, SessionSettings

ANSWER_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 2.0
PAGE: Final = 200
AGENTS_PAGE: Final = 100
FILES_PAGE: Final = 10_000
NOT_UNDERSTOOD: Final = "not_understood"

AnswerT = TypeVar("AnswerT")


class ServiceClient:
    """Asks one service; use it as a context manager.

    Args:
        url: where the service is, such as `http://127.0.0.1:8000`, with its prefix if it has one.
        token: the credential to send, or None.
        patience: how often a question is repeated.
    """

    def __init__(self, url: str, token: str | None = None, *, patience: Patience | None = None) -> None:
        self.url = url.rstrip("/")
        self._patience = patience or Patience()
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={} if token is None else {"authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            # What runs on this machine is never asked for through a proxy.
            trust_env=not _is_loopback(self.url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def health(self) -> dict[str, Any]:
        """Read how the service is: `status` is `ok`, `degraded` or `starting`, the rest is part by part."""
        return self._request(self._http.build_request("GET", f"{self.url}/health/detailed"), dict[str, Any])

    @contextmanager
    def stream(
        self, path: str, wanted: dict[str, Any], headers: dict[str, str], *, silent_seconds: float
    ) -> Generator[httpx.Response]:
        """Open an answer that goes on, to be read in the block; it is asked for once.

        Args:
            path: below `/api/v1`.
            wanted: the parameters.
            headers: those that are added.
            silent_seconds: for how long nothing at all may come.

        Raises:
            ClientError: from the block too, when the connection breaks or falls silent.
        """
        limits = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=silent_seconds)
        request = self._http.build_request("GET", path, params=wanted, headers=headers, timeout=limits)
        with told_apart(self.url):
            response = self._http.send(request, stream=True)
            try:
                if response.status_code != HTTPStatus.OK:
                    response.read()
                    raise _refusal(self.url, response)
                yield response
            finally:
                response.close()

    # --- questions: repeated while the service is away ---------------------------------------------------------

    def sessions(self) -> list[SessionSummary]:
        """Read all sessions, by id."""
        return [session for page in self._pages("/sessions", SessionPage) for session in page.sessions]

    def status(
        self, session: str, *, agent: str | None = None, include_inactive: bool = False
    ) -> SessionStatus:
        """Read who is in a session, doing what, holding or waiting for what; all agents, whatever their number."""
        wanted = {"include_inactive": str(include_inactive).lower(), "limit": AGENTS_PAGE}
        if agent is not None:
            wanted["agent"] = agent
        pages = list(self._pages(_session(session), SessionStatus, **wanted))
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

    def locks(self, session: str) -> list[Lease]:
        """Read all live leases of a session, by path."""
        return [lock for page in self._pages(f"{_session(session)}/locks", LockPage) for lock in page.locks]

    def events(self, session: str, after: int, *, limit: int = PAGE, wait_seconds: float = 0) -> EventPage:
        """Read the events after number `after`, waiting for the first one if there is none yet."""
        wanted = {"after": after, "limit": limit, "wait_seconds": wait_seconds}
        return self._ask(f"{_session(session)}/events", EventPage, wanted, wait_seconds=wait_seconds)

    def plan(self, session: str) -> Plan:
        """Read the latest plan of a session, with its tasks as they are now."""
        return self._ask(f"{_session(session)}/plan", Plan, {})

    def prompt(self, session: str, agent: str) -> str:
        """Read what an agent of the plan, by id or name, is told first."""
        return self._ask(f"{_session(session)}/prompt", FirstPrompt, {"agent": agent}).prompt

    def indexes(self, session: str) -> list[IndexSummary]:
        """Read which checkouts of a session have a file index, the one that was refreshed last first."""
        return self._ask(f"{_session(session)}/index", SessionIndexes, {}).indexes

    def known_files(self, session: str, checkout: str) -> Iterator[KnownFile]:
        """Read what the index of a checkout holds, by path."""
        wanted = {"checkout": checkout, "limit": FILES_PAGE}
        for page in self._pages(f"{_session(session)}/index/files", KnownFilePage, **wanted):
            yield from page.files

    # --- writes: sent once --------------------------------------------------------------------------------------

    def configure(
        self, session: str, by: str, *, status: str | None = None, across_checkouts: str | None = None
    ) -> SessionSettings:
        """Close, open or configure a session."""
        change = {"status": status, "across_checkouts": across_checkouts, "by": by}
        return self._write("PATCH", _session(session), change, SessionSettings)

    def revoke(
        self, session: str, by: str, *, paths: list[str] | None = None, agent: str | None = None
    ) -> list[Lease]:
        """Take the leases on `paths`, of `agent` (its id), of both together, or with neither all of the session."""
        wanted = {"paths": paths, "agent": agent, "by": by, "everything": paths is None and agent is None}
        return self._write("POST", f"{_session(session)}/locks/revoke", wanted, Revoked).revoked

    def send(self, session: str, sender: str, text: str, to: list[str] | None) -> list[str]:
        """Send a message to agents by id or name, or with None to all; returns the recipients' ids."""
        message = {"sender": sender, "text": text, "to": to}
        return self._write("POST", f"{_session(session)}/messages", message, Sent).sent_to

    def begin_index(self, session: str, checkout: str) -> Refresh:
        """Begin to refresh the index of a checkout."""
        return self._write("POST", f"{_session(session)}/index/begin", {"checkout": checkout}, Refresh)

    def add_to_index(
        self, session: str, checkout: str, refresh: int, files: list[dict[str, object]], removed: list[str]
    ) -> Added:
        """Add files (`wire.file_index.facts_of`) and paths that are gone; it may be repeated, so it is when need be."""
        batch = {"checkout": checkout, "refresh": refresh, "files": files, "removed": removed}
        path = f"{_session(session)}/index/files"
        return self._patience.ask(lambda: self._write("POST", path, batch, Added))

    def finish_index(
        self, session: str, checkout: str, refresh: int, *, files: int, commit: str, fingerprint: str
    ) -> IndexSummary:
        """Let a refresh count; the index must then hold so many files."""
        end = {"checkout": checkout, "refresh": refresh, "files": files, "commit": commit}
        path = f"{_session(session)}/index/finish"
        return self._write("POST", path, {**end, "fingerprint": fingerprint}, IndexSummary)

    # --- how ----------------------------------------------------------------------------------------------------

    def _pages(self, path: str, answer: type[AnswerT], **wanted: Any) -> Iterator[AnswerT]:
        parameters = {"limit": PAGE, **wanted}
        while True:
            page: Any = self._ask(path, answer, parameters)
            yield page
            if page.next_cursor is None:
                return
            parameters["after"] = page.next_cursor

    def _ask(
        self, path: str, answer: type[AnswerT], wanted: dict[str, Any], *, wait_seconds: float = 0
    ) -> AnswerT:
        def question() -> AnswerT:
            limits = httpx.Timeout(ANSWER_SECONDS + wait_seconds, connect=CONNECT_SECONDS)
            return self._request(self._http.build_request("GET", path, params=wanted, timeout=limits), answer)

        return self._patience.ask(question)

    def _write(self, method: str, path: str, body: dict[str, Any], answer: type[AnswerT]) -> AnswerT:
        given = {name: value for name, value in body.items() if value is not None}
        return self._request(self._http.build_request(method, path, json=given), answer)

    def _request(self, request: httpx.Request, answer: type[AnswerT]) -> AnswerT:
        with told_apart(self.url):
            response = self._http.send(request)
        if response.status_code != HTTPStatus.OK:
            raise _refusal(self.url, response)
        try:
            return TypeAdapter(answer).validate_json(response.content)
        except ValidationError as error:
            raise _not_ours(self.url) from error


def _refusal(url: str, response: httpx.Response) -> ClientError:
    try:
        problem: Any = response.json()
        code, message = str(problem["code"]), str(problem["detail"])
        next_call = str(problem.get("next_call", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _not_ours(url, f" (HTTP {response.status_code})")
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return ServiceUnavailable(message, next_call=next_call, code=code)
    return RequestRefused(message, next_call=next_call, code=code)


def _not_ours(url: str, how: str = "") -> ClientError:
    return RequestRefused(
        f"What answers at {url} does not speak this version's language{how}.",
        code=NOT_UNDERSTOOD,
    )


def _session(session: str) -> str:
    """Return the path of a session.

    Raises:
        RequestRefused: no session has such a name, and it would lead to another page: it is empty, or holds a slash.
    """
    if not session or "/" in session:
        why = ": its name cannot hold a slash" if session else ""
        raise RequestRefused(f"There is no such session{why}.", next_call="coord sessions", code="not_found")
    # Dots alone are a name as good as any, which paths take for a step.
    written = "%2E" * len(session) if session in {".", ".."} else quote(session, safe="")
    return f"/sessions/{written}"


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
