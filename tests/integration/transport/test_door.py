"""How many connections one address may have, that proxies may have more, and that refusals at the door are counted."""

from __future__ import annotations

import asyncio
import ipaddress

import httpx
import pytest

from coordination.transport import bounds
from coordination.transport.bounds import BoundedProtocol, Door
from tests.integration.transport.endpoint import served
from tests.integration.transport.test_bounds import answer_to, assert_refused, connection
from tests.unit.transport.asgi import Inner

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
PLAIN = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


def behind(door: Door) -> type[BoundedProtocol]:
    """The protocol with a door."""

    class Behind(BoundedProtocol):
        pass

    Behind.door = door
    return Behind


async def test_one_connection_too_many_of_an_address_is_refused_and_an_end_makes_room() -> None:
    refused: list[str] = []
    door = Door(most_of_address=2, on_refused=refused.append)
    async with served(Inner(), http=behind(door), ws="none", lifespan="off") as url:
        async with connection(url) as (reader, writer), connection(url):
            writer.write(PLAIN)
            await reader.readline()
            assert_refused(await answer_to(url), 429, "too_many_connections")
            assert refused == ["too_many_connections"]
        async with httpx.AsyncClient() as client, asyncio.timeout(40):
            while (await client.get(url)).status_code != 200:
                pass


async def test_a_trusted_proxy_may_have_as_many_as_there_are() -> None:
    door = Door(most_of_address=1, proxies=(LOOPBACK,))
    async with (
        served(Inner(), http=behind(door), ws="none", lifespan="off") as url,
        connection(url),
        connection(url),
        httpx.AsyncClient() as client,
    ):
        assert (await client.get(url)).status_code == 200


async def test_whatever_the_door_refuses_is_counted_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.05)
    refused: list[str] = []
    async with served(
        Inner(), http=behind(Door(on_refused=refused.append)), ws="none", lifespan="off"
    ) as url:
        for sent in (b"nonsense\r\n\r\n", PLAIN[:-2], PLAIN[:-2] + b"a: " + b"x" * 70_000):
            await answer_to(url, sent)
    assert refused == ["malformed_request", "head_timeout", "head_too_large"]


@pytest.mark.parametrize(
    ("host", "full"),
    [("203.0.113.7", True), ("203.0.113.8", False), ("2001:db8::1", True), ("10.0.0.1", False), ("", False)],
)
def test_addresses_are_told_apart_and_those_of_one_network_are_one(host: str, full: bool) -> None:
    class Connection:
        def __init__(self, host: str) -> None:
            self.client = (host, 5000) if host else None

    hosts = ["203.0.113.7", "203.0.113.7", "203.0.113.8", "2001:db8::1", "2001:db8::ffff", *["10.0.0.1"] * 9]
    door = Door(most_of_address=1, proxies=(ipaddress.ip_network("10.0.0.0/8"),))
    assert door.is_full(host, [Connection(one) for one in hosts]) is full
