"""Requests that last: what ends them beside the end of their credential, and what it costs to look."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from coordination.domain.agent_token import digest
from coordination.services.authentication import (
    Authentication,
    Credential,
    PersonCredential,
    TokenCredential,
)
from coordination.store.database import Database
from coordination.transport import standing
from coordination.transport.auth import keep_principal
from coordination.transport.standing import Standing
from tests.integration.hosted.team import Hosted

AT_MOST_SECONDS = 20
"""Far above what any of it takes: what reaches it hangs."""


class Request:
    """A request that waits until it is cut off."""

    def __init__(self, serving: Standing, authentication: Authentication, credential: Credential) -> None:
        self._serving = serving
        self._authentication = authentication
        self._credential = credential
        self.began = asyncio.Event()
        self.sent: list[Message] = []

    async def run(self) -> None:
        scope: Scope = {"type": "http", "headers": []}
        principal = await self._authentication.principal_of(self._credential)
        assert principal is not None
        keep_principal(scope, principal)
        await self._serving.serve(self._wait, self._credential, scope, self._hear, self._tell)

    async def _wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began.set()
        await asyncio.Event().wait()

    async def _hear(self) -> Message:
        raise AssertionError("nothing is read")

    async def _tell(self, message: Message) -> None:
        self.sent.append(message)


async def test_a_person_who_may_only_look_any_more_waits_for_nothing(team: Hosted, monkeypatch: Any) -> None:
    monkeypatch.setattr(standing, "LASTING_SECONDS", 0.0)
    subject = uuid.uuid4()
    await team.core.database.fetch(
        "INSERT INTO workspace_members (workspace_id, user_id, role, subject, joined_at)"
        " VALUES ('local', 'pat', 'member', $1, now())",
        subject,
    )
    known = team.core.authentication
    person = PersonCredential(subject, "pat", "local", datetime.now(UTC) + timedelta(hours=1))
    serving = Standing(known)
    request = Request(serving, known, person)
    async with asyncio.timeout(AT_MOST_SECONDS):
        running = asyncio.create_task(request.run())
        await request.began.wait()
        await serving.look()
        assert not running.done(), "nothing has changed"
        await team.got(team.owner, "PATCH", "/members/pat", {"role": "viewer"})
        await serving.look()
        await running
    assert request.sent[0]["status"] == 401


async def test_all_tokens_of_what_lasts_are_looked_up_at_once(team: Hosted, monkeypatch: Any) -> None:
    monkeypatch.setattr(standing, "LASTING_SECONDS", 0.0)
    asked = 0

    @contextmanager
    def count() -> Generator[None]:
        nonlocal asked
        asked += 1
        yield

    database = Database(team.core.database.dsn, observe=count)
    known = Authentication(database)
    serving = Standing(known)
    made = [await team.new_token() for _ in range(3)]
    requests = [Request(serving, known, TokenCredential(digest(one["secret"]))) for one in made]
    async with asyncio.timeout(AT_MOST_SECONDS):
        running = [asyncio.create_task(request.run()) for request in requests]
        for request in requests:
            await request.began.wait()
        await team.got(team.owner, "DELETE", f"/tokens/{made[0]['token']['id']}")
        before = asked
        await serving.look()
        await running[0]
        assert asked - before == 1
        assert [one.done() for one in running] == [True, False, False]
        for one in running[1:]:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    await database.close()
