"""Hold locks while a command runs: claim, wait for one's turn, renew, release.

    python examples/python/claim.py --agent deploy resource:database/dev -- ./migrate-dev.sh

Everybody who claims `resource:database/dev` in the same session then waits until the command has ended. The command's
exit code is ours; it is 75 when our turn did not come in time. The service shows its tools to Claude Code alone, so
this client calls itself so.
"""

import argparse
import asyncio
import contextlib
import getpass
import math
import sys
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp_types import Implementation

NOT_MY_TURN = 75
LEASE_MINUTES = 2
RENEW_SECONDS = 40
"""A third of the lease: two renewals may fail before it is lost."""
LONGEST_WAIT_SECONDS = 45


class Refused(Exception):
    """The service refused a call; code and message are its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


async def call(client: Client[Any], tool: str, **arguments: object) -> dict[str, Any]:
    """Call a tool and return its structured answer.

    Raises:
        Refused: the service refused; the message says why and what to do.
    """
    result = await client.call_tool(tool, arguments, raise_on_error=False)
    answer: dict[str, Any] = result.structured_content or {}
    if result.is_error:
        raise Refused(answer["code"], answer["message"])
    return answer


async def claim(client: Client[Any], paths: list[str], patience: float) -> bool:
    """Claim all paths, waiting for our turn for up to `patience` seconds; return whether they are ours."""
    clock = asyncio.get_running_loop()
    deadline = clock.time() + patience
    while True:
        answer = await call(
            client,
            "claim_file_lock",
            file_paths=paths,
            duration_minutes=LEASE_MINUTES,
            wait_seconds=min(LONGEST_WAIT_SECONDS, max(0, math.ceil(deadline - clock.time()))),
            reason="a command runs",
        )
        if answer["outcome"] == "granted":
            return True
        print(f"held by {answer['conflicts'][0]['locked_by']}", file=sys.stderr)
        if clock.time() >= deadline:
            return False
        # Our place in the queue is kept for two minutes, and calling again takes it up.


async def keep(client: Client[Any], paths: list[str]) -> None:
    """Renew the locks for ever, or until one is lost."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            await call(
                client, "claim_file_lock", action="renew", file_paths=paths, duration_minutes=LEASE_MINUTES
            )
        except Refused as refusal:
            if refusal.code != "retry_later":
                raise


async def run(client: Client[Any], paths: list[str], command: list[str]) -> int:
    """Run the command while the locks are kept, and return its exit code."""
    program = await asyncio.create_subprocess_exec(*command)
    keeper = asyncio.create_task(keep(client, paths))
    ended = asyncio.create_task(program.wait())
    await asyncio.wait({keeper, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        # A lost lease is somebody else's by now; what to do about the command is for a person to decide.
        print(f"the locks are lost, and the command still runs: {keeper.exception()}", file=sys.stderr)
    code = await ended
    keeper.cancel()
    return code


async def main() -> int:
    """Read the command line, and hold the locks while the command runs."""
    parser = argparse.ArgumentParser(description="Hold locks while a command runs.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the service is")
    parser.add_argument("--session", default="demo")
    parser.add_argument("--user", default=getpass.getuser())
    parser.add_argument("--agent", default="impl_a", help="a name that no other terminal uses")
    parser.add_argument("--token", help="the local token, where the service asks for it")
    parser.add_argument("--patience", type=float, default=180, help="seconds to wait for our turn")
    parser.add_argument("paths", nargs="+", help="files, folders or names such as resource:port/5432")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:split])
    command = sys.argv[split + 1 :]
    if not command:
        parser.error("put -- and the command behind the paths")
    endpoint = f"{chosen.url}/mcp/v2/claude/{chosen.user}__session__{chosen.session}__{chosen.agent}"
    headers = {"Authorization": f"Bearer {chosen.token}"} if chosen.token else {}
    who = Implementation(name="claude-code", version="1.0")
    async with Client(StreamableHttpTransport(endpoint, headers=headers), client_info=who) as client:
        if not await claim(client, chosen.paths, chosen.patience):
            return NOT_MY_TURN
        try:
            return await run(client, chosen.paths, command)
        finally:
            with contextlib.suppress(Refused):  # what was lost needs no release
                await call(client, "claim_file_lock", action="release", file_paths=chosen.paths)


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except Refused as refusal:
        sys.exit(str(refusal))
