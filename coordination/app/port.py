"""The port: take it before anything else starts, and when it is taken say by whom and name a free one."""

import errno
import socket
from dataclasses import dataclass
from typing import Final

import psutil

BACKLOG: Final = 2048
TRIED_PORTS: Final = 200


class PortUnavailable(Exception):
    """The port cannot be listened on; the message says why.

    Attributes:
        taken: whether another program has it, so that another port would do.
    """

    def __init__(self, message: str, *, taken: bool) -> None:
        super().__init__(message)
        self.taken = taken


@dataclass(frozen=True, slots=True)
class Holder:
    """The program that has a port.

    Attributes:
        pid: its process id.
        name: its name, as the system shows it.
    """

    pid: int
    name: str


def listen(host: str, port: int) -> socket.socket:
    """Take the port, and let connections queue until the service serves them.

    Args:
        host: the address of this machine.
        port: the port, 0 for a free one.

    Raises:
        PortUnavailable: it is taken, or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port that was in use a moment ago may be used again; one that is in use may not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _unavailable(host, port, error) from error
    listener.setblocking(False)
    return listener


def holder(port: int) -> Holder | None:
    """Return who listens on a port, None when the system does not tell (it belongs to another user)."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return None
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or connection.pid is None:
            continue
        if connection.laddr and connection.laddr[1] == port:
            try:
                return Holder(connection.pid, psutil.Process(connection.pid).name())
            except psutil.Error:
                return None
    return None


def held_by(port: int) -> str:
    """Return who listens on a port, in words that fit behind "taken by"."""
    found = holder(port)
    return f"{found.name}, process {found.pid}" if found else "a program of another user, or in a container"


def is_free(host: str, port: int) -> bool:
    """Whether the port could be taken at this moment."""
    try:
        listen(host, port).close()
    except PortUnavailable:
        return False
    return True


def free_port(host: str, above: int) -> int | None:
    """Return the next free port above the given one, None when there is none near."""
    highest = min(above + TRIED_PORTS, 65535)
    return next((port for port in range(above + 1, highest + 1) if is_free(host, port)), None)


def _unavailable(host: str, port: int, error: OSError) -> PortUnavailable:
    if error.errno == errno.EADDRINUSE:
        return PortUnavailable(f"Port {port} of {host} is taken by {held_by(port)}.", taken=True)
    if error.errno == errno.EACCES:
        return PortUnavailable(f"You may not use port {port}: ports below 1024 are for root.", taken=False)
    return PortUnavailable(f"{host}:{port} cannot be listened on: {error.strerror}.", taken=False)
