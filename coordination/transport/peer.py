"""Whose process is at the other end of a loopback connection.

Loopback is shared by all users of a machine. On Linux the kernel says which user owns the peer's socket, so
local mode accepts connections only from the user it runs as and from root, checked once when a connection is
made. The kernel is asked for the peer's socket (`transport.sock_diag`), that is the one whose local address is
our remote address and the other way round. Where it does not answer, because netlink is shut off, the same is in
`/proc/net/tcp` and `/proc/net/tcp6`. A socket without an inode is one that nobody holds any more; the kernel then
names root as its owner, so such a socket, like a missing one, counts as a stranger. Where there is no such table,
`can_check` is False and the local token (`transport.auth`) has to do.
"""

import asyncio
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from coordination.transport import sock_diag
from coordination.transport.bounds import BoundedProtocol
from coordination.transport.problem import as_bytes, problem

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ROOT: Final = 0
_ESTABLISHED: Final = 1  # include/net/tcp_states.h; the first byte of TCP_INFO
_REFUSAL: Final = problem(403, "foreign_user", "This service belongs to another user of this machine.")

Address = tuple[str, int]
Refused = Callable[[int | None], None]


def can_check() -> bool:
    """Whether this machine can tell who owns a loopback connection."""
    return sys.platform == "linux" and os.access(_TABLES[0], os.R_OK)


def trusted_uids() -> frozenset[int]:
    """Return the users whose connections a local service accepts: its own and root."""
    return frozenset({os.getuid(), _ROOT})


def peer_uid(local: Address, remote: Address) -> int | None:
    """Return the user id that owns the other end of a connection within this machine.

    Args:
        local: our end, `(address, port)`.
        remote: the peer's end.

    Returns:
        None when the peer's socket is not on this machine or nobody holds it any more.
    """
    with suppress(OSError):
        return sock_diag.owner(remote, local)
    # IPv4 sockets are in the first table, IPv6 sockets (which may carry mapped IPv4 addresses) in the second.
    for table, width in zip(_TABLES, (4, 16), strict=True):
        ends = _row_key(remote, width), _row_key(local, width)
        if None in ends or not table.exists():
            continue
        uid = _find(table, f" {ends[0]} {ends[1]} ")
        if uid is not None:
            return uid
    return None


def peer_checked(
    trusted: Collection[int], on_refused: Refused, base: type[BoundedProtocol] = BoundedProtocol
) -> type[BoundedProtocol]:
    """Return an HTTP protocol for uvicorn (`http=`) that serves trusted users only.

    Args:
        trusted: the user ids to serve, usually `trusted_uids()`.
        on_refused: called with the user id, or None when it is unknown, for every refused connection but those
            of unknown users that were closed at their other end already, as who only looks for an open port does.
        base: the protocol that it is, but for this check.
    """

    class PeerChecked(base):
        def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  as in uvicorn
            super().connection_made(transport)
            uid = _uid_of(transport)
            if uid not in trusted and not transport.is_closing():
                if uid is not None or not _is_gone(transport):
                    on_refused(uid)
                transport.write(as_bytes(_REFUSAL))
                transport.close()

    return PeerChecked


def _uid_of(transport: asyncio.Transport) -> int | None:
    # Any: a socket address has two members for IPv4, four for IPv6 and is text for a Unix socket.
    local: tuple[Any, ...] | str | None = transport.get_extra_info("sockname")
    remote: tuple[Any, ...] | str | None = transport.get_extra_info("peername")
    if not isinstance(local, tuple) or not isinstance(remote, tuple):
        return None
    return peer_uid((local[0], local[1]), (remote[0], remote[1]))


def _is_gone(transport: asyncio.Transport) -> bool:
    """Whether the other end has closed the connection already."""
    connection: Any = transport.get_extra_info("socket")
    try:
        state: int = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:
        return True
    return state != _ESTABLISHED


def _row_key(address: Address, width: int) -> str | None:
    """Return an address as the kernel prints it: 32-bit words in the machine's byte order, then the port."""
    ip = ipaddress.ip_address(address[0].partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    packed = (mapped or ip).packed
    if len(packed) > width:
        return None
    if len(packed) < width:
        packed = bytes(10) + b"\xff\xff" + packed
    words = (packed[at : at + 4] for at in range(0, width, 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{address[1]:04X}"


def _find(table: Path, ends: str) -> int | None:
    for row in table.read_text("ascii").splitlines()[1:]:
        if ends in row:
            # sl local remote st queues timer retransmits uid timeout inode
            fields = row.split()
            uid, inode = int(fields[7]), int(fields[9])
            return uid if inode else None
    return None
