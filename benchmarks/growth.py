"""How figures change with the number of instances, and while the past is removed: runs the loads and prints them."""

import statistics
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import http_load, instances_load, retention_load


def of_instances(console: Console, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """One instance and two on one database, in turns."""
    figures: list[instances_load.Figures] = []
    for _ in range(rounds):
        for instances in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                figures.append(instances_load.measure(Path(folder), instances, seconds))
    table = Table(
        *("instances", "claims/s", "p50 ms", "p95", "event p50", "p95", "connections", "commits/claim"),
        *("cpu ms/claim", "Postgres"),
    )
    for instances in (1, 2):
        mine = [figure for figure in figures if figure.instances == instances]
        table.add_row(
            str(instances),
            f"{_median(one.per_second for one in mine):.0f}",
            f"{_median(one.p50 for one in mine):.1f}",
            f"{_median(one.p95 for one in mine):.1f}",
            f"{_median(one.event_p50 for one in mine):.1f}",
            f"{_median(one.event_p95 for one in mine):.1f}",
            f"{_median(one.connections for one in mine):.0f}",
            f"{_median(one.commits / one.per_second for one in mine):.2f}",
            f"{_median(one.service_cpu for one in mine):.2f}",
            f"{_median(one.database_cpu for one in mine):.2f}",
        )
    console.print(
        f"{instances_load.AGENTS} agents in {instances_load.SESSIONS} sessions, and a reader at the last instance",
        table,
    )
    return [asdict(figure) for figure in figures]


def of_retention(console: Console, rounds: int, seconds: float) -> dict[str, Any]:
    """Claims with and without the past being removed meanwhile, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        figures = retention_load.measure(Path(folder), rounds, seconds)
    table = Table("claims", "claims/s", "p50 ms", "p95", "p99")
    for name, loads in (("alone", figures.alone), ("beside", figures.beside)):
        table.add_row(name, *_shown(loads))
    console.print(
        f"{retention_load.AGENTS} agents in a session of a million old events, {figures.bytes_each:.0f} bytes each;"
        f" {figures.removed:,} of them went meanwhile",
        table,
    )
    return asdict(figures)


def _shown(loads: list[http_load.Load]) -> list[str]:
    return [
        f"{_median(getattr(load, name) for load in loads):.{digits}f}"
        for name, digits in (("per_second", 0), ("p50", 1), ("p95", 1), ("p99", 1))
    ]


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)
