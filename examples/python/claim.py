"""Hold locks while a command runs: claim, wait for one's turn, renew, release.

    .venv/bin/python examples/python/claim.py --agent deploy resource:database/dev -- ./migrate-dev.sh

Everybody who claims `resource:database/dev` in the same session then waits until the command has ended. The command's
exit code is ours; it is 75 when our turn did not come in time, 69 when the service cannot be used, 127 when the
command cannot be started. The service shows its tools to Claude Code alone, so this client calls itself so.
"""

import argparse
import asyncio
import contextlib
import getpass
import math
import sys
from dataclasses import dataclass
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp_types import Implementation

WHO = Implementation(name="claude-code", version="1.0")
UNUSABLE, NOT_MY_TURN, NOT_STARTED = 69, 75, 127
LEASE_MINUTES = 2
RENEW_SECONDS = 40
"""A third of the lease: two renewals may fail before it is lost."""
LONGEST_WAIT_SECONDS = 45


class Refused(Exception):
    """The service refused a call; code and message are its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Away(Exception):
    """The service did not answer, or not as it does."""


@dataclass(frozen=True)
class Agent:
    """Who calls: the endpoint of one agent in one session, and the headers to send."""

    endpoint: str
    headers: dict[str, str]


async def call(agent: Agent, tool: str, **arguments: object) -> dict[str, Any]:
    """Call a tool and return its structured answer.

    The service keeps nothing about a connection, so each call has its own: the next one works when the service was
    started again in between.

    Raises:
        Refused: the service refused; the message says why and what to do.
        Away: it cannot be used.
    """
    try:
        async with Client(
            StreamableHttpTransport(agent.endpoint, headers=agent.headers), client_info=WHO
        ) as client:
            result = await client.call_tool(tool, arguments, raise_on_error=False)
    except Exception as error:  # what the client raises has no common base
        raise Away(str(error)) from error
    answer: dict[str, Any] = result.structured_content or {}
    if result.is_error:
        raise Refused(answer["code"], answer["message"])
    return answer


async def claim(agent: Agent, paths: list[str], patience: float) -> bool:
    """Claim all paths, waiting for our turn for up to `patience` seconds; return whether they are ours."""
    clock = asyncio.get_running_loop()
    deadline = clock.time() + patience
    while True:
        answer = await call(
            agent,
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


async def keep(agent: Agent, paths: list[str]) -> None:
    """Renew the locks for ever, or until one is lost."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            await call(
                agent, "claim_file_lock", action="renew", file_paths=paths, duration_minutes=LEASE_MINUTES
            )
        except Away as error:
            print(f"the locks could not be renewed, and the command still runs: {error}", file=sys.stderr)
        except Refused as refusal:
            if refusal.code != "retry_later":
                raise


async def run(agent: Agent, paths: list[str], command: list[str]) -> int:
    """Run the command while the locks are kept, and return its exit code."""
    try:
        program = await asyncio.create_subprocess_exec(*command)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        return NOT_STARTED
    keeper = asyncio.create_task(keep(agent, paths))
    ended = asyncio.create_task(program.wait())
    await asyncio.wait({keeper, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        # A lost lease is somebody else's by now; what to do about the command is for a person to decide.
        print(f"the locks are lost, and the command still runs: {keeper.exception()}", file=sys.stderr)
    code = await ended
    keeper.cancel()
    return code


async def hold(agent: Agent, paths: list[str], command: list[str], patience: float) -> int:
    """Run the command when it is our turn, release at its end, and return the exit code."""
    if not await claim(agent, paths, patience):
        return NOT_MY_TURN
    try:
        return await run(agent, paths, command)
    finally:
        # What was lost needs no release; what cannot be released ends by itself.
        with contextlib.suppress(Refused, Away):
            await call(agent, "claim_file_lock", action="release", file_paths=paths)


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
    try:
        return await hold(Agent(endpoint, headers), chosen.paths, command, chosen.patience)
    except Away as error:
        hint = "Does it run (coord doctor)? Where it asks for the local token, give it with --token."
        print(f"The service at {chosen.url} cannot be used: {error}. {hint}", file=sys.stderr)
        return UNUSABLE


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except Refused as refusal:
        sys.exit(str(refusal))
    except KeyboardInterrupt:
        sys.exit(130)
