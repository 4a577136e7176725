"""Transcripts in the documentation, played again on a real service.

In a `text` block whose first line is a call, `planner > claim_file_lock(…)` is a call of alice's agent `planner`, and
`planner < Granted …` a line of what it is answered; indented lines go on with the one before. A call that waits is
answered further down. In a `console` block commands of `coord` that only look or act on the session are run, and what
they print is compared. Numbers may differ, and the name of an analysis: whoever hands out a plan means the analysis
before. What is done in a folder, such as `coord index`, is done in the one that the page's own commands make.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.integration.installation import Installation
from tests.unit.docs.page import Call, Fence, call_of

USER = "alice"
PLAYED = frozenset(
    {"status", "locks", "send", "sessions", "revoke", "index", "plan", "tasks", "prompt"},
)
PASTED = re.compile(r"(?:[A-Z_]+=\S+ )*\S*/coord ")
"""The beginning of a line that can be pasted where `coord` is not on the PATH."""

_LINE = re.compile(r"(\w+)\s*([<>]) (.*)")
_CONTINUED = re.compile(r"\n +")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Step:
    """One act of a transcript: a call of `agent`, a line of what it is answered, or a command with its output."""

    kind: str
    agent: str
    text: str
    output: str = ""


def steps(blocks: Sequence[Fence]) -> list[Step]:
    """Return what happens in a page's blocks, in order."""
    found: list[Step] = []
    for block in blocks:
        if block.language == "text" and _LINE.match(block.text):
            found += [_step(line) for line in _CONTINUED.sub(" ", block.text).splitlines()]
        elif block.language == "console":
            found += _commands(block.text)
    return found


def normal(text: str) -> str:
    """Return a text with every number as `#`, so that times and tokens compare."""
    return "\n".join(_NUMBER.sub("#", line).rstrip() for line in text.strip().splitlines())


class Player:
    """Plays transcripts on one service.

    Args:
        url: where the service is.
        session: the session to play in.
        installation: what the service runs on.
        folder: where commands are typed.
    """

    def __init__(self, url: str, session: str, installation: Installation, folder: Path) -> None:
        self._url = url
        self._session = session
        self._installation = installation
        self._folder = folder
        self._analysis = ""
        self._client = httpx.AsyncClient(timeout=60, trust_env=False)
        self._open: defaultdict[str, list[asyncio.Task[str]]] = defaultdict(list)
        self._after = 0

    async def play(self, acts: Sequence[Step]) -> tuple[list[str], list[str]]:
        """Play them, and return what the page says and what happened, line by line."""
        said: list[str] = []
        happened: list[str] = []
        answers: defaultdict[str, list[str]] = defaultdict(list)
        async with self._client:
            for act in acts:
                if act.kind == "call":
                    self._open[act.agent].append(await self._begin(act.agent, call_of(act.text)))
                elif act.kind == "answer":
                    if not answers[act.agent]:
                        answers[act.agent] = (await self._open[act.agent].pop(0)).splitlines()
                    said.append(f"{act.agent} < {normal(act.text)}")
                    happened.append(f"{act.agent} < {normal(answers[act.agent].pop(0))}")
                else:
                    said.append(f"$ {act.text}\n{normal(act.output)}")
                    happened.append(f"$ {act.text}\n{normal(await self._run(act.text))}")
            happened += [f"{agent} was told more: {line}" for agent, rest in answers.items() for line in rest]
            happened += [
                f"{agent} got an answer that is not shown" for agent, left in self._open.items() if left
            ]
        return said, happened

    async def _begin(self, agent: str, call: Call) -> asyncio.Task[str]:
        """Call, and return when the answer is there or the agent stands in the queue."""
        called = asyncio.create_task(self._call(agent, call))
        queued = asyncio.create_task(self._queued(agent))
        waits = {called, queued} if "wait_seconds" in call.arguments else {called}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        queued.cancel()
        return called

    async def _queued(self, agent: str) -> None:
        while True:
            query = {"after": self._after, "wait_seconds": 5}
            found = await self._client.get(
                f"{self._url}/api/v1/sessions/{self._session}/events", params=query
            )
            page = found.json()
            for event in page["events"]:
                self._after = event["seq"]
                if event["kind"] == "waiter.joined" and event["agent_id"] == f"{USER}/{agent}":
                    return

    async def _call(self, agent: str, call: Call) -> str:
        if "analysis_id" in call.arguments:
            call.arguments["analysis_id"] = self._analysis
        response = await self._client.post(
            f"{self._url}/mcp/v2/claude/{USER}__session__{self._session}__{agent}",
            json={
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": call.tool, "arguments": call.arguments},
            },
            headers={"x-client-name": "claude code"},
        )
        result = response.json()["result"]
        self._analysis = result["structuredContent"].get("analysis_id", self._analysis)
        answer: str = result["content"][0]["text"]
        return PASTED.sub("coord ", answer)

    async def _run(self, command: str) -> str:
        words = shlex.split(command)[1:]
        done = await asyncio.to_thread(self._installation.coord_in, self._folder, *words)
        home = self._installation.environment["HOME"]
        return PASTED.sub("coord ", done.stdout + done.stderr).replace(home, f"/home/{USER}")


def _step(line: str) -> Step:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"neither a call nor an answer: {line}")
    return Step("call" if match[2] == ">" else "answer", match[1], match[3])


def _commands(block: str) -> list[Step]:
    found: list[Step] = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        words = shlex.split(command, comments=True)
        if words[0] == "coord" and words[1] in PLAYED:
            found.append(Step("command", "", command, output))
    return found
