"""The daemon's WebSocket: who may talk, what is answered, which events are told, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from coordination.daemon.conversation import MISTAKES_MAX, RUNNING_MAX
from coordination.domain.errors import LeaseLost
from coordination.transport import stall
from tests.integration.daemon.interface import TOKEN, Interface, interface

RIGHT = {"authorization": f"Bearer {TOKEN}"}


def talk(daemon: Interface, headers: Mapping[str, str] = RIGHT, **options: Any) -> connect:
    address = daemon.url.replace("http", "ws", 1) + "/ws/daemon"
    return connect(address, additional_headers=dict(headers), proxy=None, **options)


async def ask(socket: ClientConnection, method: str, number: Any = 1, **params: Any) -> dict[str, Any]:
    await socket.send(json.dumps({"id": number, "method": method, "params": params}))
    return await told(socket)


async def told(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def end(socket: ClientConnection) -> tuple[int | None, str | None]:
    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await socket.recv()
    return socket.close_code, socket.close_reason


async def status(params: Mapping[str, Any]) -> dict[str, Any]:
    return {"asked": dict(params)}


async def lose(_: Mapping[str, Any]) -> None:
    raise LeaseLost("It is gone.", next_call="claim again")


async def fail(_: Mapping[str, Any]) -> None:
    raise RuntimeError("secret")


METHODS = {"status": status, "lose": lose, "fail": fail}


async def test_a_request_is_answered_under_its_id() -> None:
    async with interface(METHODS) as daemon, talk(daemon) as socket:
        assert await ask(socket, "status", 1, a=2) == {"id": 1, "result": {"asked": {"a": 2}}}
        await socket.send('{"id": "x", "method": "status"}')
        assert await told(socket) == {"id": "x", "result": {"asked": {}}}
        error = {"code": "lease_lost", "message": "It is gone.", "next_call": "claim again"}
        assert await ask(socket, "lose", 2) == {"id": 2, "error": error}
        assert (await ask(socket, "none", 3))["error"]["code"] == "not_found"
        failed = await ask(socket, "fail", 4)
        assert failed["error"]["code"] == "internal"
        assert "secret" not in json.dumps(failed)


async def test_requests_run_at_once_and_no_more_are_read_while_too_many_do() -> None:
    begun, go = asyncio.Semaphore(0), asyncio.Event()
    running = 0

    async def slow(_: Mapping[str, Any]) -> int:
        nonlocal running
        running += 1
        begun.release()
        await go.wait()
        return running

    async with interface({"slow": slow}) as daemon, talk(daemon) as socket:
        for number in range(RUNNING_MAX + 5):
            await socket.send(json.dumps({"id": number, "method": "slow"}))
        for _ in range(RUNNING_MAX):
            await begun.acquire()
        # Another client is served meanwhile, and this one's rest has not begun.
        async with talk(daemon) as other:
            assert (await ask(other, "none"))["error"]["code"] == "not_found"
        assert running == RUNNING_MAX
        go.set()
        answered = [(await told(socket))["id"] for _ in range(RUNNING_MAX + 5)]
        assert sorted(answered) == list(range(RUNNING_MAX + 5))


async def test_what_is_no_request_is_refused_and_too_often_is_the_end() -> None:
    async with interface(METHODS) as daemon, talk(daemon) as socket:
        wrong = ["{", "[]", '{"method": "status"}', '{"id": true, "method": "x"}', '{"id": 1, "method": 2}']
        for text in [*wrong, '{"id": 1, "method": "status", "params": []}']:
            await socket.send(text)
            answer = await told(socket)
            assert (answer["id"], answer["error"]["code"]) == (None, "invalid_input"), text
        for _ in range(MISTAKES_MAX - len(wrong) - 1):
            await socket.send("{")
        assert (await end(socket))[0] == 1008
    async with interface(METHODS) as daemon, talk(daemon) as socket:
        await socket.send(b"{}")
        assert await end(socket) == (1003, "messages are text")


async def test_a_page_sends_the_token_in_its_first_message() -> None:
    async with interface(METHODS) as daemon, talk(daemon, {}) as socket:
        assert await ask(socket, "authenticate", 0, token=TOKEN) == {"id": 0, "result": {}}
        assert (await ask(socket, "status"))["result"] == {"asked": {}}


@pytest.mark.parametrize(
    "first",
    [
        '{"id": 0, "method": "authenticate", "params": {"token": "wrong"}}',
        '{"id": 0, "method": "authenticate", "params": {"token": 7}}',
        '{"id": 0, "method": "authenticate"}',
        f'{{"id": 0, "method": "status", "params": {{"token": "{TOKEN}"}}}}',
        "{",
    ],
)
async def test_any_other_first_message_is_the_end(first: str) -> None:
    async with interface(METHODS) as daemon, talk(daemon, {}) as socket:
        await socket.send(first)
        assert await end(socket) == (4001, "the first message must bring the token")


async def test_who_says_nothing_at_first_is_closed() -> None:
    async with interface(METHODS, first_seconds=0.05) as daemon, talk(daemon, {}) as socket:
        assert await end(socket) == (4001, "no token came within 0.05 seconds")


async def test_a_wrong_token_a_foreign_page_and_another_host_never_get_in() -> None:
    async with interface(METHODS) as daemon:
        wrong = {"authorization": "Bearer wrong"}
        for headers, expected in ((wrong, 401), ({**RIGHT, "origin": "https://attacker.example"}, 403)):
            with pytest.raises(InvalidStatus) as refused:
                async with talk(daemon, headers):
                    pass
            assert refused.value.response.status_code == expected


async def test_events_are_told_in_order_as_they_happen() -> None:
    async with interface(METHODS) as daemon, talk(daemon) as socket:
        daemon.journal.record("terminal.joined")
        begun = await ask(socket, "subscribe")
        assert begun["result"] == {"after": 1, "run": daemon.journal.run}
        for path in ("a.py", "b.py"):
            daemon.journal.record("lease.lost", path=path)
        events = [(await told(socket))["event"] for _ in range(2)]
        assert [(one["seq"], one["facts"]["path"]) for one in events] == [(2, "a.py"), (3, "b.py")]
        assert set(events[0]) == {"seq", "kind", "at", "facts"}


async def test_who_comes_back_goes_on_after_what_he_has() -> None:
    async with interface(METHODS) as daemon, talk(daemon) as socket:
        for _ in range(4):
            daemon.journal.record("lease.lost")
        await ask(socket, "subscribe", after=2, run=daemon.journal.run)
        assert [(await told(socket))["event"]["seq"] for _ in range(2)] == [3, 4]


async def test_who_comes_back_too_late_is_told_what_is_gone() -> None:
    async with interface(METHODS) as daemon, talk(daemon) as socket:
        for _ in range(8):
            daemon.journal.record("lease.lost")  # five are kept
        await ask(socket, "subscribe", after=1)
        assert await told(socket) == {"removed": {"up_to": 3}}
        assert (await told(socket))["event"]["seq"] == 4


@pytest.mark.parametrize("more", [{"after": 2, "run": "of-another-start"}, {"after": 500}])
async def test_numbers_of_another_start_of_the_daemon_begin_anew(more: dict[str, Any]) -> None:
    async with interface(METHODS) as daemon, talk(daemon) as socket:
        for _ in range(3):
            daemon.journal.record("lease.lost")
        assert (await ask(socket, "subscribe", **more))["result"]["after"] == 0
        assert await told(socket) == {"removed": {"up_to": 0}}
        assert (await told(socket))["event"]["seq"] == 1


@pytest.mark.parametrize("after", [-1, "1", True, 1.5])
async def test_after_must_be_a_number_of_an_event(after: Any) -> None:
    async with interface(METHODS) as daemon, talk(daemon) as socket:
        assert (await ask(socket, "subscribe", after=after))["error"]["code"] == "invalid_input"


async def test_after_the_answer_to_unsubscribe_no_event_comes() -> None:
    async with interface(METHODS) as daemon, talk(daemon) as socket:
        await ask(socket, "subscribe")
        assert await ask(socket, "unsubscribe", 2) == {"id": 2, "result": {}}
        daemon.journal.record("lease.lost")
        assert (await ask(socket, "status", 3))["id"] == 3


async def until_there_is_a_place(daemon: Interface) -> None:
    """Connect until one is served: nobody here is told when another one has left the daemon's side."""
    async with asyncio.timeout(20):
        while True:
            async with talk(daemon) as socket:
                try:
                    assert (await ask(socket, "status"))["id"] == 1
                    return
                except ConnectionClosed:
                    continue


async def test_one_client_too_many_is_told_so_and_a_place_that_was_left_is_free() -> None:
    async with interface(METHODS, clients_max=2) as daemon, talk(daemon) as first:
        await ask(first, "status")
        async with talk(daemon) as second, talk(daemon) as third:
            await ask(second, "status")
            assert await end(third) == (1013, "2 clients are connected already")
        await first.close()
        await until_there_is_a_place(daemon)


async def test_the_end_of_the_daemon_is_told() -> None:
    async with interface(METHODS) as daemon:
        socket = await talk(daemon)
        await ask(socket, "subscribe")
    assert (await end(socket))[0] == 1012


async def test_who_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stall, "STALL_SECONDS", 0.2)
    async with (
        interface(METHODS, clients_max=1) as daemon,
        talk(daemon, max_queue=1, ping_interval=None, max_size=None) as socket,
    ):
        await ask(socket, "subscribe")
        # The kernel takes some megabytes ahead; the client takes one message.
        for _ in range(5):
            daemon.journal.record("lease.lost", paths="x" * 4_000_000)
        await until_there_is_a_place(daemon)
        assert (await end(socket))[0] in {4008, 1006}
