"""A terminal as tests have it: a process whose children are the real hooks, and what it is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, cast

from tests.integration.daemon.hook import Hook, answer

LIMIT_SECONDS = 40
EDITS = {"Edit", "Write", "MultiEdit", "NotebookEdit"}


async def until(what: Callable[[], object]) -> None:
    """Return once something is so that nobody announces."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not what():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.005)


class Typed:
    """A terminal: a process whose children are the hooks.

    Attributes:
        claude_session: Claude Code's id of its conversation.
        folder: where it works.
        environment: what its hooks see.
        messages: what came by its own socket.
    """

    def __init__(self, program: asyncio.subprocess.Process, hook: Hook, folder: Path) -> None:
        self.claude_session = uuid.uuid4().hex
        self.folder = folder
        self.environment = {"PATH": os.environ["PATH"], "CLAUDE_PROJECT_DIR": str(folder)}
        self.messages: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()
        self._program = program
        self._hook = hook
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[list[str]]] = {}
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self._program.pid

    async def say(self, event: str, **body: Any) -> Mapping[str, Any]:
        """Run the hook of an event, and return what it printed."""
        (printed,) = await self.at_once(event, body)
        return printed

    async def at_once(self, event: str, *bodies: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Run the hook of an event several times at once."""
        known = {"session_id": self.claude_session, "cwd": str(self.folder), "hook_event_name": event}
        edits = event == "PreToolUse" and bodies[0].get("tool_name") in EDITS
        return await self.given(
            [event, *(["edit"] if edits else [])], *(json.dumps({**known, **body}) for body in bodies)
        )

    async def given(self, arguments: Sequence[str], *texts: str) -> list[Mapping[str, Any]]:
        """Run the hook program as often as there are texts, all at once, each with its text as it is."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._order(
            number=number,
            command=list(self._hook.command(*arguments)),
            given=list(texts),
            environment={**self.environment, "CLAUDE_PID": str(self.pid)},
        )
        async with asyncio.timeout(LIMIT_SECONDS):
            return [answer(printed.encode()) for printed in await waiting]

    async def edit(self, name: str, **more: Any) -> Mapping[str, Any]:
        """Ask for an edit of a file of its folder."""
        about = {"file_path": str(self.folder / name)}
        return await self.say("PreToolUse", tool_name="Write", tool_input=about, **more)

    async def edited(self, name: str, text: str, **more: Any) -> Mapping[str, Any]:
        """Edit a file from the first hook to the last, and return what the last one says."""
        assert await self.edit(name, **more) == {}
        (self.folder / name).write_text(text)
        about = {"file_path": str(self.folder / name)}
        return await self.say("PostToolUse", tool_name="Write", tool_input=about, **more)

    async def listen(self, path: Path) -> None:
        """Take messages at a socket from now on."""
        self.environment["CLAUDE_CODE_MESSAGING_SOCKET"] = str(path)
        self.environment["CLAUDE_CODE_MESSAGING_TOKEN"] = "a-token"  # noqa: S105 - of a test
        await self._order(listen=str(path))
        await until(path.exists)

    def stop(self) -> None:
        """Stop it (SIGSTOP); it lives."""
        self._program.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._program.send_signal(signal.SIGCONT)

    async def die(self) -> None:
        """Kill it."""
        if self._program.returncode is None:
            self._program.kill()
        await self._program.wait()
        await self._reading

    async def _order(self, **order: Any) -> None:
        assert self._program.stdin is not None
        self._program.stdin.write(json.dumps(order).encode() + b"\n")
        await self._program.stdin.drain()

    async def _read(self) -> None:
        assert self._program.stdout is not None
        async for line in self._program.stdout:
            told = cast("dict[str, Any]", json.loads(line))
            if "message" in told:
                self.messages.put_nowait(told["message"])
            else:
                self._waiting.pop(told["number"]).set_result(told["printed"])
