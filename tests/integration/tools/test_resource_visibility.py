"""To whom resources are nothing, and what happens to a reading when a part of the service fails."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest
from fastmcp.resources import Resource
from structlog.testing import capture_logs

from coordination.domain.agent import Agent
from coordination.domain.identity import Identity
from coordination.services.core import Core
from coordination.transport.auth import LocalTokenGate
from coordination.transport.mcp.resource import CoordinationResource, ResourceCard
from coordination.transport.mcp.resources import build_resources
from coordination.transport.mcp.server import build_mcp, mcp_app
from coordination.transport.mcp.visibility import Refusals
from tests.integration.tools.endpoint import Endpoint, living
from tests.integration.tools.reading import CLAUDE_CODE, Client, Era

LISTS = (("resources/list", "resources"), ("resources/templates/list", "resourceTemplates"))
ADDRESSES = (
    *("coordination://session", "coordination://locks", "coordination://events"),
    *("coordination://locks?after=%2Fa", "coordination://events?nonsense=1", "coordination://prompt/impl_a"),
    *("coordination://prompt/%00", "coordination://analysis/0123456789abcdef", "coordination://analysis/x"),
)
IN_A_SESSION = "/mcp/v2/claude/alice__session__demo__planner"
HIDDEN = {
    "another client": ("/mcp/v2/cursor/alice__session__demo__planner", (("x-client-name", "cursor"),)),
    "a name that contradicts the path": (IN_A_SESSION, (("x-client-name", "cursor"),)),
    "no name": (IN_A_SESSION, ()),
    "an API key": (IN_A_SESSION, (*CLAUDE_CODE, ("x-api-key", "sk-secret"))),
    "no session": ("/mcp/v2/claude/alice", CLAUDE_CODE),
}


@pytest.fixture(params=["legacy", "modern"])
def era(request: pytest.FixtureRequest) -> Era:
    return request.param


@pytest.mark.parametrize("who", HIDDEN)
async def test_whoever_sees_no_tools_finds_no_resource(mcp: Endpoint, era: Era, who: str) -> None:
    path, headers = HIDDEN[who]
    seeing, hidden = Client(mcp, era, IN_A_SESSION), Client(mcp, era, path, headers)
    for method, key in LISTS:
        assert await seeing.listed(method, key)
        assert await hidden.listed(method, key) == []
    nothing = await hidden.probe("coordination://nothing")
    for address in ADDRESSES:
        assert await hidden.probe(address) == nothing, address
        assert await seeing.probe(address) != nothing, address


async def test_a_hidden_caller_leaves_nothing_behind(mcp: Endpoint, era: Era) -> None:
    path, headers = HIDDEN["another client"]
    await Client(mcp, era, path, headers).refused("coordination://session")
    await mcp.core.presence.flush()
    assert await mcp.core.database.fetch("SELECT id FROM claude_code_sessions") == []


async def refused(core: Core, uri: str, *resources: Resource) -> dict[str, object]:
    """Try to read from a server that has these resources: the error."""
    mcp = build_mcp(
        [],
        instructions="",
        version="1",
        on_listed=_nobody,
        on_called=_nobody,
        refusals=Refusals(),
        resources=resources,
    )
    app = mcp_app(mcp)
    transport = httpx.ASGITransport(LocalTokenGate(app, token=None))
    async with living(app), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await Client(Endpoint(core, app, client)).refused(uri)


async def test_without_a_database_a_reader_is_told_to_come_again() -> None:
    away = Core("postgresql://nobody@127.0.0.1:1/none")
    resources = [found for found in build_resources(away) if isinstance(found, Resource)]
    told = await refused(away, "coordination://locks", *resources)
    assert (told["code"], told["data"]) == (
        -32603,
        {
            "uri": "coordination://locks",
            "code": "retry_later",
            "next_call": "repeat the same call in a few seconds",
        },
    )


async def test_a_failure_that_nobody_foresaw_reaches_the_log_and_not_the_reader(core: Core) -> None:
    async def fail(_core: Core, _agent: Agent, _said: Mapping[str, str]) -> str:
        raise ZeroDivisionError("secret")

    card = ResourceCard("coordination://failing", "failing", "Failing", "Fails.", fail)
    with capture_logs() as logs:
        told = await refused(core, "coordination://failing", CoordinationResource(core, card))
    (logged,) = logs
    assert (logged["event"], logged["resource"]) == ("resource_read_failed", "failing")
    assert str(logged["request_id"]) in str(told["message"])
    assert (told["code"], told["data"]) == (-32603, {"uri": "coordination://failing", "code": "internal"})
    assert "secret" not in str(told)


def _nobody(_: Identity) -> None:
    return None
