"""The kernel says who owns the other end of a connection; strangers are not served."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncGenerator, Collection, Generator
from pathlib import Path

import httpx
import pytest

from coordination.transport import peer, sock_diag
from coordination.transport.bounds import HEAD_MAX
from coordination.transport.peer import can_check, peer_checked, peer_uid, trusted_uids
from tests.integration.transport.endpoint import served
from tests.unit.transport.asgi import Inner

pytestmark = pytest.mark.skipif(not can_check(), reason="this system does not tell who owns a connection")

NOBODY = 65534
WAYS = ("netlink", "table")
ENDS = (
    (socket.AF_INET, "127.0.0.1", socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET6, "::1", socket.AF_INET6, "::1"),
    (socket.AF_INET6, "::", socket.AF_INET, "127.0.0.1"),
)


@pytest.fixture(autouse=True, params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to the answer; each has to do without the other."""
    if request.param == "netlink":
        if not answers():
            pytest.skip("this kernel does not answer over netlink")
        monkeypatch.setattr(peer, "_TABLES", (Path("/nothing"), Path("/nothing")))
    else:
        monkeypatch.setattr(sock_diag, "_NETLINK_SOCK_DIAG", 31)  # there is no such protocol


def answers() -> bool:
    """Whether this kernel answers questions for a socket at all."""
    try:
        sock_diag.owner(("127.0.0.1", 1), ("127.0.0.1", 2))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def connected(
    listen: socket.AddressFamily, address: str, family: socket.AddressFamily, target: str
) -> Generator[tuple[socket.socket, socket.socket], None, None]:
    """Yield the serving and the connecting end of a connection."""
    try:
        listener = socket.create_server((address, 0), family=listen, dualstack_ipv6=address == "::")
    except OSError:
        pytest.skip("this system has no IPv6")
    with listener, socket.socket(family) as near:
        near.connect((target, listener.getsockname()[1]))
        far, _ = listener.accept()
        with far:
            yield far, near


@pytest.mark.parametrize("ends", ENDS)
def test_our_own_connection_is_ours(
    ends: tuple[socket.AddressFamily, str, socket.AddressFamily, str],
) -> None:
    with connected(*ends) as (far, _):
        assert peer_uid(far.getsockname()[:2], far.getpeername()[:2]) == os.getuid()


def test_a_socket_that_nobody_holds_any_more_is_a_strangers() -> None:
    """The kernel names root as the owner of such a socket, which would be trusted."""
    with connected(*ENDS[0]) as (far, near):
        local, remote = far.getsockname(), far.getpeername()
        near.send(b"DELETE everything")
        near.close()
        assert peer_uid(local, remote) is None


def test_a_connection_that_does_not_exist_is_a_strangers() -> None:
    assert peer_uid(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert peer_uid(("127.0.0.1", 1), ("::1", 2)) is None


def test_whoever_listens_on_the_peers_port_is_not_the_peer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert peer_uid(("127.0.0.1", 1), listener.getsockname()) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_users_connection_is_that_users() -> None:
    code = (
        f"import os, socket, sys; os.setuid({NOBODY});"
        "s = socket.socket(); s.connect(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        with subprocess.Popen([sys.executable, "-c", code, port], stdin=subprocess.PIPE) as client:
            listener.settimeout(30)
            far, _ = listener.accept()
            with far:
                uid = peer_uid(far.getsockname(), far.getpeername())
            client.communicate()
    assert uid == NOBODY


def test_root_and_we_are_trusted() -> None:
    assert trusted_uids() == {os.getuid(), 0}


@contextlib.asynccontextmanager
async def service(trusted: Collection[int]) -> AsyncGenerator[tuple[str, Inner, list[int | None]], None]:
    inner = Inner()
    refused: list[int | None] = []
    async with served(inner, http=peer_checked(trusted, refused.append), lifespan="off") as url:
        yield url, inner, refused


async def test_a_trusted_user_is_served() -> None:
    async with service(trusted_uids()) as (url, inner, refused), httpx.AsyncClient() as client:
        assert (await client.get(url)).text == "served"
    assert len(inner.scopes) == 1
    assert not refused


async def test_who_is_trusted_is_bounded_like_everybody() -> None:
    async with service(trusted_uids()) as (url, inner, _), httpx.AsyncClient() as client:
        answer = await client.get(url, headers={"x-a": "a" * HEAD_MAX})
    assert (answer.status_code, answer.json()["code"]) == (431, "head_too_large")
    assert not inner.scopes


async def test_a_stranger_is_told_so_and_nothing_it_sends_is_read() -> None:
    async with service([os.getuid() + 1]) as (url, inner, refused):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\n")
    assert answer.endswith(b'"code":"foreign_user"}')
    assert refused == [os.getuid()]
    assert not inner.scopes


async def test_a_stranger_that_sends_at_once_is_not_served_either() -> None:
    async with service([os.getuid() + 1]) as (url, inner, refused), httpx.AsyncClient() as client:
        with contextlib.suppress(httpx.TransportError):
            assert (await client.post(url, content=b"x" * 100_000)).status_code == 403
    assert refused == [os.getuid()]
    assert not inner.scopes


async def test_a_connection_that_is_gone_before_it_is_looked_at_is_nobodys_to_report() -> None:
    async with service(trusted_uids()) as (url, inner, refused), httpx.AsyncClient() as client:
        host, port = url.removeprefix("http://").split(":")
        for _ in range(20):
            with socket.create_connection((host, int(port))) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with socket.create_connection((host, int(port))):
            pass
        assert (await client.get(url)).text == "served"
    assert len(inner.scopes) == 1
    assert refused == []
