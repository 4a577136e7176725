"""The floors of the coverage hold one by one: a layer that falls below its own fails, and so does one that is gone."""

import json
from pathlib import Path

from tests.coverage_floors import main


def counted(covered: int, missing: int) -> dict[str, object]:
    """What a report says of a file."""
    lines = {"covered_lines": covered, "missing_lines": missing, "percent_covered": 0.0}
    return {"summary": {**lines, "covered_branches": 0, "missing_branches": 0}}


def test_every_layer_is_held_to_its_own_floor(tmp_path: Path) -> None:
    report = tmp_path / "coverage.json"
    full = {f"coordination/{layer}/a.py": counted(100, 0) for layer in ("domain", "services", "store", "cli")}
    for layer, missing, outcome in [("store", 5, 0), ("store", 6, 1), ("cli", 60, 0), ("cli", 61, 1)]:
        files = full | {f"coordination/{layer}/a.py": counted(100 - missing, missing)}
        report.write_text(json.dumps({"files": files}))
        assert main(str(report)) == outcome, (layer, missing)
    report.write_text(json.dumps({"files": {}}))
    assert main(str(report)) == 1
