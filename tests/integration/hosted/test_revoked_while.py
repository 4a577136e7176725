"""A credential that is revoked while its requests run: nobody keeps a lock, a place or a stream by losing the race."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import pytest

from coordination.transport import standing
from tests.integration.hosted.team import API, Hosted

AT_MOST_SECONDS = 30
"""Far above what any of it takes: what reaches it hangs."""


async def test_a_revoked_claim_that_is_granted_meanwhile_leaves_no_lock_behind(team: Hosted) -> None:
    """The holder lets go at the moment at which the waiter's token is revoked: granted and told, or nothing."""
    for number in range(6):
        session, path = f"race{number}", "a.py"
        made = await team.new_token(session=session)
        url = f"/sessions/{session}/locks"
        held = await team.got(team.owner, "POST", f"{url}/claim", {"agent": "alice/one", "paths": [path]})
        lease = {"path": path, "fencing_token": held["leases"][0]["fencing_token"]}
        wanted = {"agent": "alice/two", "paths": [path], "wait_seconds": 45}
        async with asyncio.timeout(AT_MOST_SECONDS):
            claim = asyncio.create_task(team.ask(made["secret"], "POST", f"{url}/claim", wanted))
            while not (await team.got(team.owner, "GET", f"/sessions/{session}"))["waits"]:
                pass
            await asyncio.gather(
                team.got(team.owner, "DELETE", f"/tokens/{made['token']['id']}"),
                team.got(team.owner, "POST", f"{url}/release", {"agent": "alice/one", "leases": [lease]}),
            )
            answer = await claim
        locks = (await team.got(team.owner, "GET", url))["locks"]
        granted = answer.status_code == 200 and answer.json()["outcome"] == "granted"
        assert bool(locks) == granted, (answer.text, locks)
        assert (await team.got(team.owner, "GET", f"/sessions/{session}"))["waits"] == []


async def test_many_requests_end_when_their_token_is_revoked(team: Hosted) -> None:
    made = await team.new_token()
    await team.got(
        team.owner, "POST", "/sessions/many/locks/claim", {"agent": "alice/one", "paths": ["a.py"]}
    )
    headers = {"authorization": f"Bearer {made['secret']}"}

    async def ask() -> list[int]:
        found = [200]
        while found[-1] == 200:
            found.append((await team.client.get(f"{API}/sessions", headers=headers)).status_code)
        return found

    async def claim(name: str) -> int:
        wanted = {"agent": f"alice/{name}", "paths": ["a.py"], "wait_seconds": 45}
        return (await team.ask(made["secret"], "POST", "/sessions/many/locks/claim", wanted)).status_code

    async with asyncio.timeout(AT_MOST_SECONDS):
        asking = [asyncio.create_task(ask()) for _ in range(4)]
        waiting = [asyncio.create_task(claim(f"w{number}")) for number in range(4)]
        while len((await team.got(team.owner, "GET", "/sessions/many"))["waits"]) < len(waiting):
            pass
        await team.got(team.owner, "DELETE", f"/tokens/{made['token']['id']}")
        assert {found[-1] for found in await asyncio.gather(*asking)} == {401}
        assert set(await asyncio.gather(*waiting)) == {401}
    assert (await team.got(team.owner, "GET", "/sessions/many"))["waits"] == []


async def test_a_client_that_leaves_while_it_is_cut_off_leaves_nothing_behind(team: Hosted) -> None:
    for number in range(4):
        session = f"gone{number}"
        made = await team.new_token()
        headers = {"authorization": f"Bearer {made['secret']}"}
        await team.got(
            team.owner, "POST", f"/sessions/{session}/locks/claim", {"agent": "alice/one", "paths": ["a.py"]}
        )
        wanted = {"agent": "alice/two", "paths": ["a.py"], "wait_seconds": 45}
        async with (
            asyncio.timeout(AT_MOST_SECONDS),
            httpx.AsyncClient(base_url=team.url, timeout=60) as leaver,
        ):
            claim = asyncio.create_task(
                leaver.post(f"{API}/sessions/{session}/locks/claim", json=wanted, headers=headers)
            )
            while not (await team.got(team.owner, "GET", f"/sessions/{session}"))["waits"]:
                pass
            revoked = asyncio.create_task(team.got(team.owner, "DELETE", f"/tokens/{made['token']['id']}"))
            claim.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await claim
            await revoked
            while (await team.got(team.owner, "GET", f"/sessions/{session}"))["waits"]:
                pass
        locks = (await team.got(team.owner, "GET", f"/sessions/{session}/locks"))["locks"]
        assert [lock["agent_id"] for lock in locks] == ["alice/one"]


async def test_a_claim_that_is_cut_off_at_any_moment_is_granted_or_refused_and_never_fails(
    team: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(standing, "LASTING_SECONDS", 0.0)
    told: list[int] = []
    await team.got(
        team.owner, "POST", "/sessions/any/locks/claim", {"agent": "alice/zero", "paths": ["first.py"]}
    )
    for number in range(30):
        made = await team.new_token()
        body = {"agent": "alice/one", "paths": [f"{number}.py"]}
        async with asyncio.timeout(AT_MOST_SECONDS):
            answer, _ = await asyncio.gather(
                team.ask(made["secret"], "POST", "/sessions/any/locks/claim", body),
                team.got(team.owner, "DELETE", f"/tokens/{made['token']['id']}"),
            )
        told.append(answer.status_code)
        locks = (await team.got(team.owner, "GET", "/sessions/any/locks?limit=200"))["locks"]
        kept = f"{number}.py" in {lock["path"] for lock in locks}
        assert kept or answer.status_code == 401, (answer.text, told)
    assert set(told) <= {200, 401}
