"""`coord headers` runs at the start of every terminal, so it loads next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOOK = """
import atexit, sys
from coordination.cli import main
sys.argv = ["coord", "headers"]
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
main()
"""
HEAVY = {
    "asyncio",
    "cyclopts",
    "httpx",
    "pydantic",
    "rich",
    "coordination.cli.commands",
    "coordination.settings",
}


def test_it_loads_none_of_the_other_commands(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["x-coordination-checkout"].endswith(f":{tmp_path.resolve()}")
    assert "coordination.cli.headers" in done.stderr.split()
    assert HEAVY & set(done.stderr.split()) == set()


def test_in_a_folder_that_is_gone_it_still_answers_an_object(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = 'rmdir "$1" && exec "$2" -P -m coordination headers'
    done = subprocess.run(
        ["/bin/sh", "-c", line, "sh", gone, sys.executable],
        cwd=gone,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "x-coordination-checkout" not in json.loads(done.stdout)
