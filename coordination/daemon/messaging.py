"""Wake a terminal: a line of ours in its conversation, by the socket that Claude Code opens for that.

It is an extra: what is to be told is told by the next hook or tool result in any case, so nothing here is kept, tried
again or waited for longer than a second, and no failure is an error. Newer releases of Claude Code have the socket
(2.1.330, headless too, where it begins a turn of an idle conversation), older ones do not (2.1.197).

The socket and its token come with a hook, out of an environment that a repository can set. So the one who listens there
must be the very terminal that the hook came from, before the token is sent. The client presents the line as the
message of another session; it is a fixed one (`words.WAITING`), in which nobody else's words stand.
"""

import asyncio
import json
import socket
import struct
import sys
from dataclasses import dataclass, field
from typing import Final

import structlog

from coordination.daemon.local_agent import TerminalKey

SECONDS: Final = 1.0
_SOL_LOCAL: Final = 0
_LOCAL_PEERPID: Final = 2
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where a terminal takes messages.

    Attributes:
        terminal: whose it is.
        socket: the path of its socket.
        token: what the socket asks for.
    """

    terminal: TerminalKey
    socket: str
    token: str = field(repr=False)


async def push(mailbox: Mailbox, text: str) -> bool:
    """Put a line into a terminal's conversation, if that can be done within a second.

    Args:
        mailbox: the terminal's.
        text: the line, of our own words.

    Returns:
        Whether it was handed over. The terminal may still not show it.
    """
    try:
        async with asyncio.timeout(SECONDS):
            return await _push(mailbox, text)
    except (OSError, ValueError, TimeoutError) as error:
        # Neither path nor token: of the error only its kind is told.
        _log.debug("message_not_pushed", terminal=str(mailbox.terminal), error=type(error).__name__)
        return False


async def _push(mailbox: Mailbox, text: str) -> bool:
    _, writer = await asyncio.open_unix_connection(mailbox.socket)
    try:
        if _listener(writer.get_extra_info("socket")) != mailbox.terminal.pid:
            _log.debug("message_not_pushed", terminal=str(mailbox.terminal), error="another listener")
            return False
        lines = (
            {"type": "auth", "token": mailbox.token},
            {"type": "user", "message": {"role": "user", "content": text}},
        )
        writer.writelines(json.dumps(line).encode() + b"\n" for line in lines)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        return True
    finally:
        # Where the other end does not read, a mere close would wait for it.
        writer.transport.abort()


def _listener(connection: socket.socket) -> int:
    """Return the process that listens at the other end."""
    if sys.platform == "linux":
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return struct.unpack("3i", credentials)[0]
    return connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)  # pragma: other platform
