"""The connection to one service: asking, asking page by page, writing, and following an answer that goes on.

Refusals (RFC 9457 problems) become `RequestRefused` with the service's own words, a silent or broken service
`ServiceUnreachable` or `ServiceUnavailable`. It knows neither routes nor what they mean.

A credential goes to the service that it is for and nowhere else: over TLS unless the service is on this machine, and
never after a redirect, because none is followed.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, TypeAlias, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from coordination.client.address import is_loopback, require_safe
from coordination.client.connection import told_apart
from coordination.client.refusal import not_ours, refusal
from coordination.client.retry import Patience

ANSWER_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 2.0
PAGE: Final = 200

WORKSPACE_HEADER: Final = "x-coordination-workspace"
"""Says in which of a person's workspaces a request is meant; a token has but one."""

AnswerT = TypeVar("AnswerT")
Credential: TypeAlias = str | Callable[[], str] | None
"""What to send as a bearer token: the token, what gives the one of the moment where it is renewed, or nothing."""


class Channel:
    """Speaks to one service.

    Args:
        url: where the service is, such as `http://127.0.0.1:8000`, with its prefix if it has one.
        token: the credential to send, or None.
        patience: how often a question is repeated.
        workspace: the id of the workspace that is meant; None leaves it to the credential.

    Raises:
        UnsafeAddress: the credential would go to another machine in clear text.
    """

    def __init__(
        self, url: str, token: Credential, patience: Patience, *, workspace: str | None = None
    ) -> None:
        self.url = url.rstrip("/")
        if token is not None:
            require_safe(self.url)
        self._patience = patience
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={} if workspace is None else {WORKSPACE_HEADER: workspace},
            auth=None if token is None else _Bearer(token),
            follow_redirects=False,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            # What runs on this machine is never asked for through a proxy.
            trust_env=not is_loopback(self.url),
            # Certificates of the whole world are a megabyte for each connection, for nothing where there is no TLS.
            verify=not self.url.startswith("http://"),
        )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

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
                    raise refusal(self.url, response)
                yield response
            finally:
                response.close()

    # Any, here and below: parameters and bodies, which are JSON.
    def pages(self, path: str, answer: type[AnswerT], **wanted: Any) -> Iterator[AnswerT]:
        """Ask for a list, page by page to its end."""
        parameters = {"limit": PAGE, **wanted}
        while True:
            page: Any = self.ask(path, answer, parameters)
            yield page
            if page.next_cursor is None:
                return
            parameters["after"] = page.next_cursor

    def ask(
        self, path: str, answer: type[AnswerT], wanted: dict[str, Any], *, wait_seconds: float = 0
    ) -> AnswerT:
        """Ask a question, again while the service is away."""

        def question() -> AnswerT:
            limits = self._limits(wait_seconds)
            return self._request(self._http.build_request("GET", path, params=wanted, timeout=limits), answer)

        return self._patience.ask(question)

    def ask_once(self, path: str, answer: type[AnswerT]) -> AnswerT:
        """Ask for a page beside the API, below the URL of the service."""
        return self._request(self._http.build_request("GET", f"{self.url}{path}"), answer)

    def write(
        self, method: str, path: str, body: dict[str, Any], answer: type[AnswerT], *, wait_seconds: float = 0
    ) -> AnswerT:
        """Send a change, once. What is None is left out."""
        given = {name: value for name, value in body.items() if value is not None}
        limits = self._limits(wait_seconds)
        return self._request(self._http.build_request(method, path, json=given, timeout=limits), answer)

    def repeat(
        self,
        path: str,
        body: dict[str, Any],
        answer: type[AnswerT],
        *,
        wait_seconds: float = 0,
        method: str = "POST",
    ) -> AnswerT:
        """Send a change that may be sent twice, again while the service is away."""
        return self._patience.ask(lambda: self.write(method, path, body, answer, wait_seconds=wait_seconds))

    def _limits(self, wait_seconds: float) -> httpx.Timeout:
        return httpx.Timeout(ANSWER_SECONDS + wait_seconds, connect=CONNECT_SECONDS)

    def _request(self, request: httpx.Request, answer: type[AnswerT]) -> AnswerT:
        with told_apart(self.url):
            response = self._http.send(request)
        if response.status_code != HTTPStatus.OK:
            raise refusal(self.url, response)
        try:
            return TypeAdapter(answer).validate_json(response.content)
        except ValidationError as error:
            raise not_ours(self.url) from error


class _Bearer(httpx.Auth):
    """Adds the credential of the moment to each request."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        token = self._token if isinstance(self._token, str) else self._token()
        request.headers["authorization"] = f"Bearer {token}"
        yield request
