"""A guarded edit beside an unguarded one, and a call of a tool through the daemon beside one to the service itself.

The service, the daemon and the hooks are the real ones: the lines of the installed ``hooks.json``, run with a shell and
an edit's JSON as Claude Code runs them before and after the edit, from a process that the daemon takes for a terminal.
Beside each stand the same two lines with ``true`` in place of the hook: what any command hook costs.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import http_load, servers
from coordination.cli import plugin_copy
from coordination.cli.probe import ask
from coordination.settings import load

SESSION = "bench-edits"
AGENT = "impl_a"
TIMES = 5
"""Edits of each kind in a round."""
CALLS_SECONDS = 1.0


@dataclass
class Edits:
    """Seconds of each edit's hooks, in the order of the rounds, and milliseconds of calls, medians of rounds."""

    bare: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    direct: list[float] = field(default_factory=list)
    relayed: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Terminal:
    """This process, as a terminal with the plugin in a repository."""

    plugin: Path
    repository: Path

    def run(self, event: str, given: dict[str, object]) -> dict[str, Any]:
        """Run the line of an event, and return what it says."""
        done = subprocess.run(
            ["/bin/sh", "-c", self.line(event)],
            input=json.dumps(given).encode(),
            env=self._environment(),
            cwd=self.repository,
            capture_output=True,
            check=True,
        )
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def line(self, event: str) -> str:
        """The line of an event for edits."""
        hooks = json.loads((self.plugin / "hooks/hooks.json").read_bytes())["hooks"]
        return str(hooks[event][0]["hooks"][0]["command"])

    def headers(self) -> dict[str, str]:
        """What the plugin's connection for tools sends."""
        server = json.loads((self.plugin / ".mcp.json").read_bytes())["mcpServers"]["coordination"]
        done = subprocess.run(
            ["/bin/sh", "-c", server["headersHelper"]],
            env=self._environment(),
            cwd=self.repository,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def edit(self, name: str) -> float:
        """Have an edit guarded, and return the seconds of both hooks."""
        path = self.repository / name
        given: dict[str, object] = {
            "cwd": str(self.repository),
            "tool_name": "Write",
            "tool_input": {"file_path": str(path), "content": "x"},
            "tool_use_id": "bench",
        }
        start = time.perf_counter()
        before = self.run("PreToolUse", {"hook_event_name": "PreToolUse", **given})
        took = time.perf_counter() - start
        if before:
            raise SystemExit(f"an edit of a file that is nobody's was not simply let pass: {before}")
        path.write_text("x")
        start = time.perf_counter()
        self.run("PostToolUse", {"hook_event_name": "PostToolUse", "tool_response": {}, **given})
        return took + time.perf_counter() - start

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLAUDE", "COORD"))}
        named = {"COORD_SESSION": SESSION, "COORD_AGENT": AGENT}
        return kept | named | {"CLAUDE_PLUGIN_ROOT": str(self.plugin)}


def unguarded() -> float:
    """Run the two lines with ``true`` in them, and return their seconds."""
    line = 'here="${CLAUDE_PLUGIN_ROOT}/hooks"; set -- PreToolUse edit; true'
    start = time.perf_counter()
    for _ in range(2):
        subprocess.run(["/bin/sh", "-c", line], input=b"{}", capture_output=True, check=True)
    return time.perf_counter() - start


def measure(folder: Path, rounds: int) -> Edits:
    """Measure on a data folder of ours with a short path."""
    edits = Edits()
    with servers.service(folder) as service, daemon(folder) as (plugin, port):
        repository = folder / "repository"
        repository.mkdir()
        subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)
        terminal = Terminal(plugin, repository)
        terminal.edit("warm.txt")
        direct = http_load.Target(
            service.port,
            lambda _: f"/mcp/v2/claude/alice__session__{SESSION}-direct__{AGENT}",
            "check_agent_status",
            lambda *_: {},
        )
        relayed = http_load.Target(
            port, lambda _: "/mcp", "check_agent_status", lambda *_: {}, terminal.headers()
        )
        for number in range(rounds):
            for which in range(TIMES):
                edits.bare.append(unguarded())
                edits.first.append(terminal.edit(f"{number}-{which}.txt"))
                edits.again.append(terminal.edit(f"{number}-{which}.txt"))
            edits.direct.append(called(direct))
            edits.relayed.append(called(relayed))
        terminal.run("SessionEnd", {"hook_event_name": "SessionEnd", "reason": "other"})
    return edits


def called(target: http_load.Target) -> float:
    """Call a tool for a while, and return the median in milliseconds."""
    found = asyncio.run(http_load.run(target, 1, CALLS_SECONDS))
    if found.errors:
        raise SystemExit(f"calls were answered with an error: {found.failure}")
    return found.p50


@contextmanager
def daemon(folder: Path) -> Generator[tuple[Path, int]]:
    """Run the daemon of a data folder, and install the plugin for it; yields its folder and the daemon's port."""
    chosen = load({"COORDINATION_DATA_DIR": str(folder)})
    port = servers.free_port()
    place = plugin_copy.folder(folder)
    pins = plugin_copy.pins(chosen, port) | {"coord": "/none"}
    plugin_copy.write(place, plugin_copy.render(plugin_copy.source(), pins))
    command = [sys.executable, "-m", "coordination", "daemon", "run", "--port", str(port)]
    environment = {**os.environ, "COORDINATION_DATA_DIR": str(folder)}
    with servers.running(command, environment, port, "/health"):
        reached(port)
        yield place / plugin_copy.PLUGIN, port


def reached(port: int) -> None:
    """Wait until the daemon has found the service."""
    deadline = time.monotonic() + servers.STARTUP_SECONDS
    while time.monotonic() < deadline:
        reply = ask(f"http://127.0.0.1:{port}/health")
        if reply is not None and reply.json()["service"] == "reachable":
            return
        time.sleep(0.05)
    raise SystemExit("the daemon did not find the service")


def of_edits(console: Console, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Measure, and print medians beside those of an edit that nobody guards."""
    edits = measure(folder, rounds)
    rows = {
        "both lines with `true`": edits.bare,
        "the first edit of a file, which claims it": edits.first,
        "another edit of it": edits.again,
    }
    table = Table("hooks before and after an edit", "median ms", "p95", "beside `true`")
    for name, seconds in rows.items():
        ordered = sorted(seconds)
        ratios = [mine / bare for mine, bare in zip(seconds, edits.bare, strict=True)]
        late = ordered[len(ordered) * 95 // 100]
        middle = statistics.median(ordered)
        table.add_row(name, f"{middle * 1e3:.1f}", f"{late * 1e3:.1f}", f"{statistics.median(ratios):.2f}")
    console.print("A guarded edit beside an unguarded one: real hooks, daemon and service", table)
    direct, relayed = statistics.median(edits.direct), statistics.median(edits.relayed)
    ratio = statistics.median(mine / other for mine, other in zip(edits.relayed, edits.direct, strict=True))
    console.print(
        f"check_agent_status through the daemon {relayed:.2f} ms, from the service itself {direct:.2f} ms: {ratio:.2f}"
    )
    return asdict(edits)
