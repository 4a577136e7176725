"""What kind of credential a request carries, and the gate of the local token."""

from __future__ import annotations

import pytest

from coordination.domain.errors import InvalidInput
from coordination.domain.visibility import CredentialKind
from coordination.transport.auth import OPEN_PATHS, LocalTokenGate, classify, principal_of
from tests.unit.transport.asgi import Inner, Pairs, run, scope_of

TOKEN = "s3cret"  # noqa: S105  the token of these tests


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ([], "none"),
        ([("authorization", f"Bearer {TOKEN}")], "local_token"),
        ([("authorization", f"bearer  {TOKEN} ")], "local_token"),
        ([("authorization", "Bearer other")], "bearer"),
        ([("authorization", f"Bearer {TOKEN}x")], "bearer"),
        ([("authorization", "Bearer \u0441")], "bearer"),
        ([("x-api-key", "k")], "api_key"),
        ([("x-api-key", TOKEN)], "api_key"),
        ([("x-api-key", "")], "api_key"),
    ],
)
def test_kinds(headers: Pairs, kind: CredentialKind) -> None:
    assert classify(scope_of(headers=headers)["headers"], TOKEN) == kind


def test_without_a_local_token_every_bearer_is_another_one() -> None:
    assert classify(scope_of(headers=[("authorization", "Bearer x")])["headers"]) == "bearer"


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", f"Bearer {TOKEN}"), ("x-api-key", "k")],
        [("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")],
        [("x-api-key", "a"), ("x-api-key", "b")],
        [("authorization", "Basic abc")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer  ")],
        [("authorization", TOKEN)],
        [("authorization", "")],
    ],
)
async def test_contradictory_and_malformed_credentials_are_refused(headers: Pairs) -> None:
    scope = scope_of(headers=headers)
    with pytest.raises(InvalidInput) as caught:
        classify(scope["headers"], TOKEN)
    assert TOKEN not in caught.value.message
    for gate in (LocalTokenGate(Inner(), token=TOKEN), LocalTokenGate(Inner(), token=None)):
        sent = await run(gate, scope)
        assert (sent.status, sent.json["code"]) == (400, "invalid_input")


async def test_the_gate_asks_for_the_token() -> None:
    gate = LocalTokenGate(Inner(), token=TOKEN)
    for headers in ([], [("authorization", "Bearer wrong")], [("x-api-key", TOKEN)]):
        sent = await run(gate, scope_of(path="/mcp/v2/claude/alice", headers=headers))
        assert (sent.status, sent.json["code"]) == (401, "unauthorized")
        assert sent.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in sent.body.decode()
    assert (await run(gate, scope_of(headers=[("authorization", f"Bearer {TOKEN}")]))).status == 200


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
async def test_health_needs_no_token(path: str) -> None:
    gate = LocalTokenGate(Inner(), token=TOKEN)
    assert (await run(gate, scope_of(path=path))).status == 200
    assert (await run(gate, scope_of(path=f"/prefix{path}", root_path="/prefix"))).status == 200
    assert (await run(gate, scope_of(path=f"{path}/"))).status == 401
    assert (await run(gate, scope_of(path=f"/x{path}"))).status == 401


async def test_a_gate_without_a_token_only_classifies() -> None:
    inner = Inner()
    await run(LocalTokenGate(inner, token=None), scope_of(headers=[("x-api-key", "k")]))
    assert principal_of(inner.scopes[0]).credential == "api_key"


async def test_the_gate_tells_what_it_found() -> None:
    inner = Inner()
    await run(LocalTokenGate(inner, token=TOKEN), scope_of(headers=[("authorization", f"Bearer {TOKEN}")]))
    assert principal_of(inner.scopes[0]).credential == "local_token"


def test_without_a_gate_nobody_is_authenticated() -> None:
    with pytest.raises(KeyError):
        principal_of(scope_of(headers=[("authorization", f"Bearer {TOKEN}")]))


async def test_a_websocket_without_the_token_is_not_accepted() -> None:
    inner = Inner()
    sent = await run(LocalTokenGate(inner, token=TOKEN), scope_of("websocket"))
    assert sent.messages[0]["type"] == "websocket.close"
    assert not inner.scopes


async def test_the_lifespan_passes() -> None:
    inner = Inner()
    await run(LocalTokenGate(inner, token=TOKEN), {"type": "lifespan"})
    assert inner.scopes == [{"type": "lifespan"}]
