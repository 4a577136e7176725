"""Who is at the other end of a Unix socket: its user and its process, as the kernel says. It judges nobody."""

import socket
import sys
from dataclasses import dataclass
from typing import Final

_SOL_LOCAL: Final = 0
_LOCAL_PEERCRED: Final = 1
_LOCAL_PEERPID: Final = 2
_XUCRED_BYTES: Final = 76


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end: `uid` its user id, `pid` the process that connected or listens."""

    uid: int
    pid: int


def peer_of(connection: socket.socket) -> Peer:
    """Return who is at the other end.

    Raises:
        OSError: the kernel does not say.
    """
    if sys.platform == "darwin":  # pragma: other platform
        xucred = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_BYTES)
        pid = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
        return Peer(int.from_bytes(xucred[4:8], sys.byteorder), pid)
    ucred = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return Peer(int.from_bytes(ucred[4:8], sys.byteorder), int.from_bytes(ucred[:4], sys.byteorder))
