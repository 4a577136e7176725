"""Requests that last, and whether their credentials still work: streams, WebSockets, waiting claims.

A request is authenticated at its beginning, and most are over in milliseconds. Of those that are not, each credential
is asked for again within a second, all of them at once; when one works no more, or its member may do less, all its
requests end: with a 401 where nothing was answered yet, else by the end of the stream. While the database cannot
answer, nobody knows, and nothing new can be read either: what runs goes on until it can.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordination.domain.errors import RetryLater
from coordination.domain.principal import Principal
from coordination.services.authentication import Authentication, Credential
from coordination.transport.auth import principal_of
from coordination.transport.problem import POLICY_VIOLATION, problem, refuse

LOOK_SECONDS: Final = 0.5
LASTING_SECONDS: Final = 0.5
_WHY: Final = "the credential works no more, or allows less"
_log: Final = structlog.stdlib.get_logger(__name__)


class _Running:
    """A request that is being served."""

    __slots__ = ("answered", "credential", "cut_off", "principal", "since", "task")

    def __init__(self, credential: Credential, principal: Principal, task: "asyncio.Task[object]") -> None:
        self.credential = credential
        self.principal = principal
        self.task = task
        self.since = time.monotonic()
        self.answered = False
        self.cut_off = False


class Standing:
    """Serves requests, and cuts them off when their credentials work no more.

    Args:
        authentication: says whose credentials are.
    """

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication
        self._running: set[_Running] = set()

    async def serve(
        self, app: ASGIApp, credential: Credential | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve one ASGI connection, for as long as its credential works; None always does."""
        task = asyncio.current_task()
        if credential is None or task is None:
            await app(scope, receive, send)
            return
        running = _Running(credential, principal_of(scope), task)

        async def noted(message: Message) -> None:
            running.answered = True
            await send(message)

        self._running.add(running)
        try:
            await app(scope, receive, noted)
        except asyncio.CancelledError:
            if not running.cut_off or task.uncancel() > 0:
                raise
        finally:
            self._running.discard(running)
        if running.cut_off:
            await _end(running, scope, receive, send)

    async def watch(self) -> None:
        """Look at requests that last, twice a second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except RetryLater:
                continue
            except Exception:
                _log.exception("requests_that_last_not_looked_at")

    async def look(self) -> None:
        """Cut off requests whose credential works no more, or allows less than it did.

        Raises:
            RetryLater: the database cannot answer now.
        """
        before = time.monotonic() - LASTING_SECONDS
        # Once is enough: a second cancellation would disturb what gives back.
        lasting = [one for one in self._running if one.since < before and not one.cut_off]
        found = await self._authentication.working({one.credential for one in lasting})
        ended = [one for one in lasting if one in self._running and not _may_go_on(one, found)]
        for one in ended:
            one.cut_off = True
            one.task.cancel()
        if ended:
            _log.warning("requests_cut_off", number=len(ended), why=_WHY)


def _may_go_on(running: _Running, found: Mapping[Credential, Principal]) -> bool:
    principal = found.get(running.credential)
    return principal is not None and principal.covers(running.principal)


async def _end(running: _Running, scope: Scope, receive: Receive, send: Send) -> None:
    """Say to the other side that this is the end."""
    if scope["type"] == "websocket" and running.answered:
        # The other side may be gone already.
        with suppress(RuntimeError, OSError):
            await send(
                {
                    "type": "websocket.close",
                    "code": POLICY_VIOLATION,
                    "reason": _WHY,
                }
            )
    elif running.answered:
        # A length that was promised cannot be kept; the server closes the connection then.
        with suppress(RuntimeError, OSError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    else:
        detail = "The credential works no more, or allows less now. What was asked for may have been done."
        headers = {"www-authenticate": "Bearer"}
        await refuse(problem(401, "unauthorized", detail, headers=headers), scope, receive, send)
