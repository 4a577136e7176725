"""Whose a credential is, as two services on one database know it: what one revokes, the other refuses soon after."""

from __future__ import annotations

import asyncio

from coordination.domain.agent_token import digest
from coordination.domain.principal import LOCAL_WORKSPACE, Principal
from coordination.services import agent_token, workspace
from coordination.services.authentication import TokenCredential
from coordination.services.core import Core

OWNER = Principal(LOCAL_WORKSPACE, "alice", member="owner")
LIMIT_SECONDS = 20
"""Far above the second for which an answer is remembered."""


async def test_what_one_service_revokes_another_forgets(dsn: str) -> None:
    here, there = Core(dsn), Core(dsn)
    try:
        await workspace.bootstrap(here, "team", "alice")
        secret, token = await agent_token.create(here, OWNER, scopes=("read",), days=1)
        credential = TokenCredential(digest(secret))
        assert (await there.authentication.principal_of(credential)) is not None
        await agent_token.revoke(here, OWNER, token.id)
        assert await here.authentication.principal_of(credential) is None
        async with asyncio.timeout(LIMIT_SECONDS):
            while await there.authentication.principal_of(credential) is not None:  # noqa: ASYNC110 - time passes
                await asyncio.sleep(0.05)
    finally:
        await here.database.close()
        await there.database.close()
