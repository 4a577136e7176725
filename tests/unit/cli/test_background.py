"""A service that ends while it starts says why, also when it had time to leave its record."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from coordination.app.running import RunningService
from coordination.cli import background
from coordination.cli.output import Failure


def ended() -> RunningService:
    """The record of a service that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return RunningService(
        pid=process.pid,
        started=1.0,
        url="http://127.0.0.1:9",
        port=9,
        database="embedded",
        log=None,
        needs_token=False,
        version="1",
    )


def test_what_it_printed_is_told(tmp_path: Path) -> None:
    output = tmp_path / "service.out"
    output.write_text("The embedded Postgres cannot be used: it is a thesis.\n")
    with pytest.raises(Failure, match=r"^The service ended while it started\.\n.*it is a thesis\.$"):
        background.wait_until_ready(ended(), output)


def test_one_that_printed_nothing_is_to_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"^The service ended while it started\.$") as found:
        background.wait_until_ready(ended(), tmp_path / "service.out")
    assert "doctor" in found.value.mend
