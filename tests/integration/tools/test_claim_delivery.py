"""A waiting claim whose answer never arrives leaves nothing behind: whoever left does not know of its lease."""

import asyncio
import json

import pytest

from coordination.store.database import Database
from tests.integration.leaver import Leaver
from tests.integration.services.terminal import in_queue
from tests.integration.store.steps import leases
from tests.integration.tools.endpoint import Endpoint
from tests.unit.transport.asgi import scope_of

LIMIT_SECONDS = 40
PATH = "/mcp/v2/claude/alice__session__demo__impl_b"
HEADERS = (("host", "127.0.0.1"), ("content-type", "application/json"), ("x-client-name", "claude code"))


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_grant_after_waiting_whose_client_left_before_the_answer_is_given_back(
    mcp: Endpoint, database: Database, *, leaves: bool
) -> None:
    await mcp.claim("impl_a", "a.py")
    params = {"name": "claim_file_lock", "arguments": {"file_paths": ["a.py"], "wait_seconds": 45}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    client = Leaver(json.dumps(call).encode(), leaves=leaves)
    scope = scope_of("http", PATH, HEADERS, query_string=b"")
    async with asyncio.timeout(LIMIT_SECONDS):
        turn = asyncio.ensure_future(mcp.app(scope, client.receive, client.send))
        await in_queue(database, 1)
        await mcp.claim("impl_a", action="release")
        await turn
    assert b'"outcome":"granted"' in client.sent
    assert await leases(database) == ([] if leaves else [("alice/impl_b", "a.py", "write")])
