"""Say how much of each layer the tests reach, and end with 1 when that is less than it has to be.

It reads the report that `make test` has slipcover write: `python -m tests.coverage_floors build/coverage.json`.
Lines and branches count alike.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

FLOORS: Final = {
    "coordination": 85,
    "coordination/domain": 95,
    "coordination/services": 95,
    "coordination/store": 95,
}
"""Percent of the lines and branches below a folder."""


def reached(report: Mapping[str, Any], folder: str) -> float:
    """Return the percentage of lines and branches below a folder that were reached; 0 when there are none."""
    counts: Counter[str] = Counter()
    for path, of_file in report["files"].items():
        if path.startswith(f"{folder}/"):
            counts.update(
                {name: number for name, number in of_file["summary"].items() if "percent" not in name}
            )
    seen = counts["covered_lines"] + counts["covered_branches"]
    return 100 * seen / max(1, seen + counts["missing_lines"] + counts["missing_branches"])


def main(path: str) -> int:
    """Print a line for each floor; the exit code."""
    report = json.loads(Path(path).read_bytes())
    found = {folder: reached(report, folder) for folder in FLOORS}
    for folder, percent in found.items():
        print(f"coverage of {folder}: {percent:.1f}%, the floor is {FLOORS[folder]}%")
    return int(any(percent < FLOORS[folder] for folder, percent in found.items()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
