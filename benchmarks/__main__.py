"""Measure claims over MCP beside an echo tool, the claim function beside a bare upsert, the file index, and how soon
events reach their readers beside a bare LISTEN, the hook program beside a bare interpreter, and a guarded edit beside
an unguarded one, in one run.

Rounds alternate between the two sides, so that a machine that changes its pace changes it for both. Printed are
medians, ratios first; the raw rounds go to ``benchmarks/results/``.
"""

import argparse
import asyncio
import json
import platform
import shutil
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import (
    analysis_load,
    database_load,
    edit_load,
    event_latency,
    growth,
    hook_load,
    http_load,
    index_load,
    servers,
)
from coordination.embedded import EmbeddedPostgres
from coordination.embedded.binaries import find_binaries

ANALYSED_FILES = 20_000
EDIT_ROUNDS = 10
PARTS = ("mcp", "database", "index", "analysis", "events", "instances", "retention", "hook", "edit")
RESULTS = Path(__file__).parent / "results"
console = Console()


def main() -> None:
    """Run the parts one after the other, each of which prints what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds of each figure")
    parser.add_argument("--seconds", type=float, default=3, help="how long each round of a figure takes")
    parser.add_argument("--agents", type=int, nargs="+", default=[1, 10, 50], help="agents at once")
    parser.add_argument("--files", type=int, default=index_load.FILES, help="files of the indexed repository")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="only these parts")
    chosen = parser.parse_args()
    raw: dict[str, Any] = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("fastmcp", "mcp", "asyncpg", "uvicorn")},
    }
    RESULTS.mkdir(exist_ok=True)
    for part in chosen.only:
        raw[part] = measured(part, chosen)
        # What was measured stays when a later part fails.
        (RESULTS / "latest.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")
    errors = sum(figure.get("errors", 0) for figure in raw.get("mcp", []))
    if errors:
        first = next(figure["failure"] for figure in raw["mcp"] if figure.get("failure"))
        raise SystemExit(
            f"{errors} calls were answered with an error: no figure here counts. The first:\n{first}"
        )


def measured(
    part: str, chosen: argparse.Namespace
) -> Any:  # Any: the raw rounds of a part, which become JSON
    """Run one part and print what came of it."""
    rounds, seconds = chosen.rounds, chosen.seconds
    parts: dict[str, Callable[[], Any]] = {
        "mcp": lambda: over_mcp(chosen.agents, rounds, seconds),
        "database": lambda: in_database(rounds, max(1, int(seconds))),
        "index": lambda: of_index(chosen.files, rounds),
        "analysis": lambda: of_analysis(rounds),
        "events": lambda: to_readers(rounds * seconds),
        "instances": lambda: growth.of_instances(console, rounds, seconds),
        "retention": lambda: growth.of_retention(console, rounds, seconds),
        "hook": lambda: of_hook(rounds),
        "edit": lambda: of_edits(EDIT_ROUNDS),
    }
    return parts[part]()


def over_mcp(agents: list[int], rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Claims of own files over MCP, all agents in one session, beside the echo tool."""
    figures: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.service(Path(folder)) as ours,
        servers.echo() as theirs,
    ):
        claim = http_load.Target(
            ours.port,
            lambda agent: f"/mcp/v2/claude/alice__session__bench__agent_{agent}",
            "claim_file_lock",
            lambda agent, number: {"file_paths": [f"src/{agent}/{number}.py"]},
        )
        echo = http_load.Target(
            theirs.port, lambda _: "/mcp", "echo", lambda _, number: {"text": f"{number}"}
        )
        for side in (claim, echo):
            asyncio.run(http_load.run(side, 2, 1))  # warm
        for count in agents:
            for number in range(rounds):
                for name, side in (("claim", claim), ("echo", echo)):
                    load = asyncio.run(http_load.run(side, count, seconds))
                    figures.append({"what": name, "agents": count, "round": number, **asdict(load)})
        memory = ours.memory()
    table = Table("agents", "claim / echo", "claims/s", "echoes/s", "claim p50 ms", "p95", "p99", "errors")
    for count in agents:
        mine = [figure for figure in figures if figure["agents"] == count and figure["what"] == "claim"]
        other = [figure for figure in figures if figure["agents"] == count and figure["what"] == "echo"]
        ratio = statistics.median(m["per_second"] / o["per_second"] for m, o in zip(mine, other, strict=True))
        table.add_row(
            str(count),
            f"{ratio:.2f}",
            *(f"{statistics.median(f['per_second'] for f in side):.0f}" for side in (mine, other)),
            *(f"{statistics.median(f[name] for f in mine):.1f}" for name in ("p50", "p95", "p99")),
            str(sum(figure["errors"] for figure in [*mine, *other])),
        )
    console.print(
        "Claims over MCP (one session, own files) beside an echo tool on a default FastMCP server", table
    )
    console.print(f"Memory of service and Postgres after it: {memory:.0f} MB\n")
    return [*figures, {"what": "memory", "megabytes": memory}]


def in_database(rounds: int, seconds: int) -> dict[str, list[float]]:
    """The claim function beside a bare upsert."""
    pgbench = shutil.which("pgbench") or str(find_binaries().postgres.with_name("pgbench"))
    with tempfile.TemporaryDirectory() as folder:
        figures = database_load.measure(Path(folder), pgbench, rounds, seconds)
    table = Table("connections", "claim / upsert", "upserts/s", "claims/s", "claims/s in one session")
    for clients in (1, 10, 50):
        upsert, claim, one = (
            statistics.median(figures[f"{name}, {clients} connections"])
            for name in ("upsert", "claim", "claim, one session")
        )
        table.add_row(str(clients), f"{claim / upsert:.2f}", f"{upsert:.0f}", f"{claim:.0f}", f"{one:.0f}")
    console.print(
        "The claim function beside a bare upsert, pgbench, 100,000 rows in each table, ten sessions", table
    )
    return figures


def of_index(files: int, rounds: int) -> dict[str, Any]:
    """`coord index` on a large repository, and reading what it stored."""
    with tempfile.TemporaryDirectory() as folder:
        runs = index_load.measure(Path(folder), files)
    table = Table("run", "seconds", "files", "sources read", "files sent", "imports", "co-changes")
    for run in runs:
        counts = (run.answer[name] for name in ("files", "read", "sent", "imports", "co_changes"))
        table.add_row(run.what, f"{run.seconds:.1f}", *(f"{count:,}" for count in counts))
    console.print(f"coord index on a repository of {files:,} files, the whole command", table)
    with tempfile.TemporaryDirectory() as folder:
        reading = index_load.measure_reading(Path(folder), rounds)
    table = Table("files", "seconds to read the index")
    for size, seconds in reading.items():
        table.add_row(f"{size:,}", f"{statistics.median(seconds):.2f}")
    console.print("Reading a file index from the database, as the planner does", table)
    return {"runs": [asdict(run) for run in runs], "reading": reading}


def of_analysis(rounds: int) -> dict[str, list[float]]:
    """A hundred tasks on an index of 20,000 files."""
    with tempfile.TemporaryDirectory() as folder:
        figures = analysis_load.measure(Path(folder), ANALYSED_FILES, rounds)
    table = Table("analysis of a service", "median seconds", "slowest")
    for which, seconds in asdict(figures).items():
        table.add_row(which, f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}")
    console.print(
        f"{analysis_load.TASKS} tasks on an index of {ANALYSED_FILES:,} files, the whole call: the first one reads and"
        " prepares the index, the next one finds it prepared, as after a refresh; descriptions of the long one have"
        f" {analysis_load.LONGEST:,} characters",
        table,
    )
    return asdict(figures)


def of_hook(rounds: int) -> dict[str, list[float]]:
    """The hook program beside the bare interpreter."""
    with tempfile.TemporaryDirectory(prefix="hook-") as folder:
        return hook_load.of_hook(console, Path(folder), rounds)


def of_edits(rounds: int) -> dict[str, list[float]]:
    """A guarded edit beside an unguarded one."""
    with tempfile.TemporaryDirectory(prefix="edit-") as folder:
        return edit_load.of_edits(console, Path(folder), rounds)


def to_readers(seconds: float) -> dict[str, list[float]]:
    """Events on their way to each kind of reader, beside a bare LISTEN."""
    with tempfile.TemporaryDirectory() as folder, servers.service(Path(folder)) as ours:
        figures = asyncio.run(event_latency.measure(ours.port, EmbeddedPostgres(Path(folder)).dsn, seconds))
    table = Table("reader", "events", "p50 ms", "p95", "p99", "p50 / LISTEN")
    bare = statistics.median(figures[event_latency.LISTEN])
    for name, latencies in figures.items():
        cuts = statistics.quantiles(latencies, n=100)
        shown = [f"{cuts[share - 1]:.2f}" for share in (50, 95, 99)]
        table.add_row(name, str(len(latencies)), *shown, f"{cuts[49] / bare:.1f}")
    console.print("An event from its writing to each reader, one writer, all three readers at once", table)
    return figures


if __name__ == "__main__":
    main()
