"""The subscriber in `examples` follows a session; Realtime is not to be had here, so a stub speaks its protocol."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.unit.docs.page import ROOT

pytestmark = pytest.mark.acceptance
EXAMPLE = ROOT / "examples" / "python" / "follow_realtime.py"
TOPIC = "realtime:coordination:team:demo"


def event(seq: int, kind: str) -> dict[str, Any]:
    """What the service broadcasts of an event."""
    return {
        "seq": seq,
        "kind": kind,
        "agent": "alice/impl_a",
        "session": "demo",
        "payload": {"paths": ["a.py"]},
    }


class Realtime:
    """A stub: it takes a join and sends events, one of them twice and one not at all."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.key = ""

    async def answer(self, connection: ServerConnection) -> None:
        """Speak with one client."""
        assert connection.request is not None
        self.key = parse_qs(urlsplit(connection.request.path).query)["apikey"][0]
        async for text in connection:
            said = json.loads(text)
            if said["event"] != "phx_join":
                continue
            self.asked = said
            reply: dict[str, Any] = {"status": "ok", "response": {"postgres_changes": []}}
            await self.send(connection, "phx_reply", reply, said["ref"])
            for one in (event(1, "agent.joined"), event(1, "agent.joined"), event(3, "lock.claimed")):
                await self.send(
                    connection, "broadcast", {"type": "broadcast", "event": one["kind"], "payload": one}, None
                )

    async def send(self, connection: ServerConnection, name: str, payload: object, ref: object) -> None:
        """Send one message on the topic."""
        await connection.send(json.dumps({"topic": TOPIC, "event": name, "payload": payload, "ref": ref}))


async def test_the_subscriber_asks_for_the_private_channel_and_prints_each_event_once() -> None:
    stub = Realtime()
    async with serve(stub.answer, "127.0.0.1", 0) as server:
        port: int = next(iter(server.sockets)).getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            EXAMPLE,
            "team",
            "demo",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "SUPABASE_URL": f"http://127.0.0.1:{port}",
                "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_of_a_test",
                "ACCESS_TOKEN": "token.of.max",
            },
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(30):
                printed = [(await process.stdout.readline()).decode() for _ in range(3)]
        finally:
            process.kill()
            _, complained = await process.communicate()
    assert printed == [
        '1 agent.joined alice/impl_a {"paths": ["a.py"]}\n',
        "(read the log from 2: something was not broadcast)\n",
        '3 lock.claimed alice/impl_a {"paths": ["a.py"]}\n',
    ], complained.decode()
    assert stub.asked["topic"] == TOPIC
    assert stub.asked["payload"]["config"]["private"] is True
    assert stub.asked["payload"]["access_token"] == "token.of.max"  # noqa: S105 - of the stub
    assert stub.key == "sb_publishable_of_a_test"
