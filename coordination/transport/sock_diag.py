"""Ask the Linux kernel for the one TCP socket with given ends, over netlink (sock_diag(7)): who owns it.

The tables in `/proc/net` say the same, but have to be written and read as a whole for every question: with a thousand
connections that takes tens of milliseconds, and anybody on the machine could have the service do nothing else.
"""

import errno
import ipaddress
import os
import socket
import struct
from typing import Final

_NETLINK_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
_ERROR: Final = 2
_REQUEST: Final = 1
_ANY_STATE: Final = 0xFFFFFFFF
_LISTEN: Final = 10
_NO_COOKIE: Final = b"\xff" * 8

# struct nlmsghdr; struct inet_diag_req_v2 up to its id; struct inet_diag_sockid, with ports and addresses in network
# order; struct inet_diag_msg, of which the uid and the inode come last.
_HEADER: Final = struct.Struct("=IHHII")
_QUESTION: Final = struct.Struct("=BBBBI")
_ENDS: Final = struct.Struct("!HH16s16s")
_ANSWER: Final = struct.Struct("=BBBB48sIIIII")
_ANSWER_MAX: Final = 4096

Address = tuple[str, int]
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def owner(local: Address, remote: Address) -> int | None:
    """Return the user id that owns the socket whose own end is `local` and whose other end is `remote`.

    Returns:
        None when there is no such socket, or nobody holds it any more.

    Raises:
        OSError: this kernel does not answer such questions.
    """
    ours, theirs = _plain(local[0]), _plain(remote[0])
    if ours.version != theirs.version:
        return None
    family = socket.AF_INET if ours.version == 4 else socket.AF_INET6  # noqa: PLR2004 - as in IPv4
    ends = _ENDS.pack(local[1], remote[1], ours.packed.ljust(16, b"\0"), theirs.packed.ljust(16, b"\0"))
    question = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE) + ends + bytes(4) + _NO_COOKIE
    answer = _ask(_HEADER.pack(_HEADER.size + len(question), _BY_FAMILY, _REQUEST, 0, 0) + question)
    if answer is None:
        return None
    _, state, _, _, found, _, _, _, uid, inode = _ANSWER.unpack_from(answer)
    # Without a connection the kernel names whoever listens on that port; and a socket that nobody holds is root's.
    return uid if state != _LISTEN and inode and found[:4] == ends[:4] else None


def _ask(message: bytes) -> bytes | None:
    """Return the body of the kernel's answer, None when there is no such socket."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.setblocking(False)  # it has answered when `send` returns
        kernel.send(message)
        answer = kernel.recv(_ANSWER_MAX)
    kind: int = _HEADER.unpack_from(answer)[1]
    if kind == _ERROR:
        number: int = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if number == errno.ENOENT:
            return None
        raise OSError(number, os.strerror(number))
    return answer[_HEADER.size :]


def _plain(address: str) -> IpAddress:
    """Return an address without its zone, and as IPv4 where it is one in IPv6's clothes."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
