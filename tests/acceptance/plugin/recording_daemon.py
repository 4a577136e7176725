"""The daemon's end of the socket with answers that a test gives, and a plugin that is pinned to it.

It listens as the daemon does (`coordination.daemon.hook_socket`), in a thread of its own; it decides nothing.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from coordination.daemon.hook_call import HookCall, Reply
from coordination.daemon.hook_socket import HookSocket
from tests.unit.architecture.sources import ROOT

SHELLS = {"sh", "bash", "dash", "zsh"}
Answer = Callable[[HookCall], dict[str, Any]]


@dataclass(frozen=True)
class Heard:
    """One call, and the terminal that it came from: the nearest ancestor of the hook that is no shell."""

    call: HookCall
    terminal: int


def nothing(_: HookCall) -> dict[str, Any]:
    """The answer of a daemon that has nothing to say."""
    return {}


class RecordingDaemon:
    """Listens while it is entered; `heard` are the calls in order, `delivered` the events whose answer was printed."""

    def __init__(self, answer: Answer = nothing) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="plugin-")
        self.socket = Path(self._folder.name) / "daemon" / "socket"
        self.heard: list[Heard] = []
        self.delivered: list[str] = []
        self._say = answer
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._listen()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    def calls(self, event: str) -> list[HookCall]:
        """The calls of one event, in order."""
        return [heard.call for heard in self.heard if heard.call.event == event]

    async def _listen(self) -> None:
        async with HookSocket(self.socket, self._answer):
            self._ready.set()
            await self._end.wait()

    async def _answer(self, call: HookCall) -> Reply:
        hook = psutil.Process(call.peer_pid)
        terminal = next(one.pid for one in hook.parents() if one.name() not in SHELLS)
        self.heard.append(Heard(call, terminal))
        output = json.dumps(self._say(call)).encode()
        return Reply(output, lambda: self.delivered.append(call.event))


def pinned_marketplace(folder: Path, **pinned: str) -> Path:
    """Copy the marketplace with the plugin to `folder`, with a `pinned` file; returns the plugin's folder."""
    shutil.copytree(ROOT / ".claude-plugin", folder / ".claude-plugin")
    plugin = folder / "clients" / "claude_code"
    shutil.copytree(ROOT / "clients" / "claude_code", plugin)
    lines = [f"{name}={value}\n" for name, value in pinned.items()]
    (plugin / "hooks" / "pinned").write_text("".join(lines))
    return plugin


def lead_to(plugin: Path, url: str) -> None:
    """Let the plugin's MCP connection go to `url` in place of the daemon's fixed port, which may be taken here."""
    path = plugin / ".mcp.json"
    configured = json.loads(path.read_text())
    configured["mcpServers"]["coordination"]["url"] = url
    path.write_text(json.dumps(configured))
