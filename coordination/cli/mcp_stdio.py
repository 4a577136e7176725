"""`coord mcp-stdio`: MCP over standard input and output, for clients and setups that cannot connect by HTTP.

Claude Code starts it, and it speaks for the terminal that did: to the daemon, which knows whose the terminal is, or,
when a session is named, to the service itself. One JSON-RPC message a line, as the specification has it; what people
may want to know goes to standard error. It ends when its input ends. What happens to a message is in `mcp_bridge`.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from coordination.cli import place, reach, target
from coordination.cli.entrance import check_name
from coordination.cli.output import OK
from coordination.repository.checkout import describe_checkout
from coordination.repository.terminal import describe_terminal

if TYPE_CHECKING:
    from coordination.cli.mcp_bridge import There

LINE_MAX: Final = 4 * 1024 * 1024
"""Bytes of a message; the service takes one of 1 MiB."""
AGENT_VARIABLE: Final = "COORD_AGENT"
AGENT: Final = "planner"
_CHUNK: Final = 64 * 1024
_AHEAD: Final = 16
_STDIN, _STDOUT = 0, 1
_EXAMPLES: Final = """Examples:

    coord mcp-stdio
    coord mcp-stdio --session demo --agent impl_a
    claude mcp add coordination -- coord mcp-stdio --session demo
"""


def register(app: App) -> None:
    """Add the command to `app`; an MCP client types it, not people."""
    app.command(mcp_stdio, name="mcp-stdio", help_epilogue=_EXAMPLES)


def mcp_stdio(
    *,
    session: Annotated[
        str | None,
        Parameter(help="Speak to the service itself, as an agent of this session.", show_default=False),
    ] = None,
    agent: Annotated[
        str | None,
        Parameter(help="The agent in the session; else COORD_AGENT, else planner.", show_default=False),
    ] = None,
    user: Annotated[
        str | None, Parameter(help="The user in the session; else that of the login.", show_default=False)
    ] = None,
) -> int:
    """Speak MCP over standard input and output, for a client that cannot connect by HTTP.

    Without `--session` it speaks to the daemon of this machine, as the agent of the terminal that started it.
    """
    for field, name in (("SESSION", session), ("--agent", agent), ("--user", user)):
        check_name(field, name)
    there = _daemon() if session is None else _service(session, agent, user)
    asyncio.run(_bridge(there))
    return OK


async def _bridge(there: "There") -> None:
    from coordination.cli import mcp_bridge  # noqa: PLC0415 - httpx, which `coord --help` need not wait for
    from coordination.client.address import is_loopback  # noqa: PLC0415 - as above

    async with mcp_bridge.connections(is_loopback=is_loopback(there.url)) as connections:
        await mcp_bridge.Bridge(there, _write, _say, connections).run(lines(_chunks()))


def _daemon() -> "There":
    from coordination.cli.mcp_bridge import NotNow, There  # noqa: PLC0415 - as above
    from coordination.client import token_file  # noqa: PLC0415 - as above

    chosen = place.settings()
    path = chosen.data_dir / "daemon" / "token"
    start = f"Start it: {place.coord('daemon start')}"
    terminal = describe_terminal()

    def headers() -> Mapping[str, str]:
        try:
            token = token_file.read(path)
        except token_file.UnusableFile as error:
            raise NotNow(str(error)) from None
        if token is None:
            raise NotNow(f"The daemon of this machine never ran. Nothing was done. {start}")
        return _known({"authorization": f"Bearer {token}", "x-coordination-terminal": terminal})

    url = f"http://127.0.0.1:{chosen.daemon_port}/mcp"
    return There(url, "The daemon of this machine", start, headers)


def _service(session: str, agent: str | None, user: str | None) -> "There":
    """Return the endpoint of an agent at the service that is meant.

    Raises:
        Failure: it cannot be told who the user is, or the credential would go to another machine in clear text.
    """
    from coordination.cli.entrance import require_safe  # noqa: PLC0415 - as above
    from coordination.cli.mcp_bridge import There  # noqa: PLC0415 - as above

    found = target.meant(place.settings())
    if found.token is not None:
        require_safe(found.url)
    name = agent or os.environ.get(AGENT_VARIABLE, "").strip() or AGENT
    check_name(AGENT_VARIABLE, name)
    workspace = None if found.remote is None else found.remote.workspace
    checkout, terminal = _checkout(), describe_terminal()

    def headers() -> Mapping[str, str]:
        bearer = found.bearer
        return _known(
            {
                "authorization": None if bearer is None else f"Bearer {bearer}",
                "x-coordination-workspace": workspace,
                "x-coordination-checkout": checkout,
                "x-coordination-terminal": terminal,
            }
        )

    who = user or (place.user() if found.remote is None else found.remote.user) or _asked_for()
    url = f"{found.url}/mcp/v2/claude/{who}__session__{session}__{name}"
    return There(url, f"The service at {found.url}", f"Look: {place.coord('doctor')}", headers)


def _asked_for() -> str:
    """Ask the service whose the credential is."""
    with reach.service() as client:
        return reach.person(client)


def _checkout() -> str | None:
    try:
        return describe_checkout(Path.cwd())
    except OSError:
        # The folder is gone, or may not be entered.
        return None


def _known(headers: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if value is not None}


async def _chunks() -> AsyncGenerator[bytes]:
    """Yield what comes on standard input."""
    chunks: asyncio.Queue[bytes] = asyncio.Queue(_AHEAD)
    loop = asyncio.get_running_loop()

    def read() -> None:
        while True:
            chunk = os.read(_STDIN, _CHUNK)
            asyncio.run_coroutine_threadsafe(chunks.put(chunk), loop).result()
            if not chunk:
                return

    # A thread that the end of the program does not wait for: it reads as long as somebody may write.
    threading.Thread(target=read, daemon=True).start()
    while chunk := await chunks.get():
        yield chunk


async def lines(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """Yield each line; one that is too long is told and left out."""
    begun, too_long = bytearray(), False
    async for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            if not too_long:
                yield bytes(begun + line)
            begun, too_long = bytearray(), False
        begun += rest
        if len(begun) > LINE_MAX:
            _say(f"a message has more than {LINE_MAX} bytes and was left out")
            begun, too_long = bytearray(), True
    if begun and not too_long:
        yield bytes(begun)


_writing = threading.Lock()


async def _write(message: bytes) -> None:
    with suppress(BrokenPipeError):  # the client is gone, and its end of our input is closed too
        await asyncio.to_thread(_write_line, message + b"\n")


def _write_line(line: bytes) -> None:
    with _writing:
        while line:
            line = line[os.write(_STDOUT, line) :]


def _say(text: str) -> None:
    sys.stderr.write(f"mcp-stdio: {text}\n")
    sys.stderr.flush()
