"""How the daemon takes its port, and who has it when it cannot: what it is given by the command that runs it."""

import socket
from collections.abc import Callable
from typing import Final

from coordination.app.port import PortUnavailable, listen

HOST: Final = "127.0.0.1"


def taking(number: int) -> Callable[[], socket.socket | str]:
    """Return what takes a port of this machine: it returns what listens there, or in a sentence why nothing can."""

    def take() -> socket.socket | str:
        try:
            return listen(HOST, number)
        except PortUnavailable as error:
            return str(error)

    return take
