"""`coord index` on a repository of 50,000 files that is made for it, and reading an index of that size as planners do.

The repository is six tenths Python, three tenths TypeScript, the rest text, about 5 KB a file, with 2,000 commits. It
is indexed for the first time, unchanged, and after changes. Times are those of the whole command, from its start to its
end, with a service of its own.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import servers
from coordination.domain.file_index import CoChange, FileIndex, IndexedFile, entries
from coordination.embedded import EmbeddedPostgres
from coordination.services import file_index
from coordination.services.core import Core
from coordination.store import migration

FILES = 50_000
COMMITS = 2_000
CHANGED = 50
READ_SIZES = (20_000, 50_000)
SESSION = "bench"
_WORDS = (
    "account",
    "basket",
    "carrier",
    "delivery",
    "engine",
    "factor",
    "gateway",
    "handover",
    "invoice",
    "journal",
    "key",
    "ledger",
)
_CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "check_agent_status", "arguments": {}},
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command: what it was, how many seconds it took, and what it said."""

    what: str
    seconds: float
    answer: dict[str, Any]


def measure(folder: Path, files: int = FILES) -> list[Run]:
    """Make the repository below `folder` and index it three times."""
    repository = folder / "repository"
    make_repository(repository, files)
    with servers.service(folder / "data") as service:
        join(service.port)
        environment = {
            **os.environ,
            "PORT": str(service.port),
            "COORDINATION_DATA_DIR": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        runs = [index(repository, environment, what) for what in ("first", "unchanged")]
        for number in range(CHANGED):
            with (repository / path_of(number * 7)).open("a", encoding="utf-8") as file:
                file.write("\n\ndef added_later():\n    return 1\n")
        runs.append(index(repository, environment, f"{CHANGED} files changed"))
    return runs


def index(repository: Path, environment: dict[str, str], what: str) -> Run:
    """Run the command in the repository."""
    command = [sys.executable, "-m", "coordination", "index", SESSION, "--json"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"coord index failed: {done.stdout.decode()}{done.stderr.decode()}")
    return Run(what, seconds, json.loads(done.stdout))


def join(port: int) -> None:
    """Let the session begin."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/mcp/v2/claude/alice__session__{SESSION}__planner",
        json.dumps(_CALL).encode(),
        {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "x-client-name": "claude code",
        },
    )
    # The service that was just started.
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - see above


def measure_reading(folder: Path, rounds: int) -> dict[int, list[float]]:
    """Return how many seconds it takes to read an index, by its number of files, one figure for each round."""
    postgres = EmbeddedPostgres(folder)
    dsn = postgres.start()
    try:
        return asyncio.run(_read(dsn, rounds))
    finally:
        postgres.stop()


async def _read(dsn: str, rounds: int) -> dict[int, list[float]]:
    await migration.migrate(dsn)
    figures: dict[int, list[float]] = {}
    core = Core(dsn)
    async with core.running():
        for size in READ_SIZES:
            session = f"s{size}"
            await core.database.fetch(
                "INSERT INTO claude_code_sessions (id, name, user_id) VALUES ($1, $1, 'x')", session
            )
            await store(core, session, plain_index(size))
            for _ in range(rounds):
                began = time.perf_counter()
                found = await file_index.read(core, "local", session, "")
                figures.setdefault(size, []).append(time.perf_counter() - began)
                assert found is not None
                assert len(found.paths) == size
    return figures


async def store(core: Core, session: str, index: FileIndex) -> None:
    """Store an index as it is sent, in batches."""
    begun = await file_index.begin(core, "local", session, "")
    known = entries(index)
    for start in range(0, len(known), 1000):
        await file_index.add(core, "local", session, "", begun.refresh, known[start : start + 1000], [])
    await file_index.finish(core, "local", session, "", begun.refresh, len(known), "", "0")


def plain_index(size: int) -> FileIndex:
    """Return an index of files with fifteen names, five imports and five partners each."""
    paths = [path_of(number) for number in range(size)]
    files = (
        IndexedFile(
            path,
            tuple(f"{word}_{number}" for word in (*_WORDS, "run", "stop", "Item")),
            tuple(paths[(number + step) % size] for step in range(1, 6)),
        )
        for number, path in enumerate(paths)
    )
    partners = (
        CoChange(path, paths[(number + step) % size], step / 10)
        for number, path in enumerate(paths)
        for step in range(1, 6)
    )
    return FileIndex(tuple(files), tuple(partners))


# --- the repository ----------------------------------------------------------------------------------------------


def make_repository(folder: Path, files: int) -> None:
    """Make a repository with its history by one stream, which takes git a few seconds."""
    folder.mkdir()
    run(folder, "init", "--quiet", "--initial-branch=main")
    stream = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE)
    assert stream.stdin is not None
    for part in history(files):
        stream.stdin.write(part)
    stream.stdin.close()
    if stream.wait():
        raise SystemExit("git fast-import failed")
    run(folder, "reset", "--quiet", "--hard")


def run(folder: Path, *arguments: str) -> None:
    """Run git."""
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def history(files: int) -> Iterator[bytes]:
    """Yield a stream for `git fast-import`: all files, then commits that change a few of one folder each."""
    chance = random.Random(7)  # noqa: S311 - the same repository every time
    yield commit(1)
    for number in range(files):
        yield entry(path_of(number), text_of(number, files, chance))
    for position in range(COMMITS):
        yield commit(position + 2)
        first = chance.randrange(files)
        for number in {min(files - 1, first + chance.randrange(12)) for _ in range(chance.randrange(1, 7))}:
            yield entry(path_of(number), text_of(number, files, chance))


def commit(second: int) -> bytes:
    """Return the head of a commit."""
    return f"commit refs/heads/main\ncommitter A <a@example.org> {second} +0000\ndata 0\n".encode()


def entry(path: str, text: str) -> bytes:
    """Return one file of a commit."""
    content = text.encode()
    return f"M 644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"


def path_of(number: int) -> str:
    """Return the path of a file: some twenty to a folder, three folders deep."""
    kind = ("py", "py", "py", "ts", "py", "ts", "py", "md", "py", "ts")[number % 10]
    package = number // 20
    return f"src/{_WORDS[package % 12]}/part_{package % 50}/unit_{package}/file_{number}.{kind}"


def text_of(number: int, files: int, chance: random.Random) -> str:
    """Return the text of a file, of about 5 KB."""
    others = [path_of(chance.randrange(files)) for _ in range(8)]
    if path_of(number).endswith(".md"):
        return "\n".join(" ".join(chance.choices(_WORDS, k=12)) for _ in range(60))
    return (
        python_text(number, others, chance)
        if path_of(number).endswith(".py")
        else script_text(number, others, chance)
    )


def python_text(number: int, others: list[str], chance: random.Random) -> str:
    """Return a Python module that imports the Python files among `others`."""
    lines = ["import os", "from collections.abc import Iterable"]
    lines += [f"import {path[:-3].replace('/', '.')}" for path in others if path.endswith(".py")]
    for position in range(5):
        lines += ["", "", f"class {chance.choice(_WORDS).title()}{number}_{position}:"]
        for word in chance.sample(_WORDS, 4):
            lines += [
                f"    def {word}_{position}(self, given: Iterable[str], *, limit: int = {position}) -> dict[str, int]:",
                f"        found = {{name: len(name) + {position} for name in given if name.startswith('{word}')}}",
                "        if len(found) > limit:",
                "            return dict(sorted(found.items())[:limit])",
                "        return found",
            ]
    return "\n".join(lines)


def script_text(number: int, others: list[str], chance: random.Random) -> str:
    """Return a TypeScript module that imports the TypeScript files among `others`."""
    lines = [
        f'import {{ make }} from "{os.path.relpath(path[:-3], os.path.dirname(path_of(number)))}";'
        for path in others
        if path.endswith(".ts")
    ]
    for position in range(6):
        lines += ["", f"export class {chance.choice(_WORDS).title()}{number}_{position} {{"]
        for word in chance.sample(_WORDS, 4):
            lines += [
                f"  {word}{position}(given: string[], limit = {position}): Map<string, number> {{",
                f'    const found = given.filter((name) => name.startsWith("{word}"));',
                "    return new Map(found.slice(0, limit).map((name) => [name, name.length]));",
                "  }",
            ]
        lines.append("}")
    return "\n".join(lines)
