"""Settings that cannot be used: told before anything starts, and no reason to leave a service running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coordination.cli import run


@pytest.mark.parametrize("command", ["up", "run", "migrate", "connect demo", "status"])
def test_a_wrong_setting_is_told_before_anything_starts(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOST", "192.0.2.1")
    assert run([*command.split(), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "setting"
    assert error["message"].startswith("HOST: ")
    assert "unset HOST" in error["mend"]
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("command", ["up", "down", "doctor"])
def test_a_data_folder_that_may_not_be_entered_is_named_and_is_no_traceback(
    command: str, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    (closed / "data" / "postgres").mkdir(parents=True)
    closed.chmod(0o700)
    # Everything is imported before the change: another user may not reach our Python.
    typed = f"""
import os, sys
from coordination.cli import commands
import coordination.client.service, coordination.embedded, coordination.app.server, coordination.store.migration
import coordination.store.database, coordination.cli.attention
os.chdir("/"); os.setuid(65534)
sys.exit(commands.run([{command!r}]))
"""
    environment = {
        # Another user may not write down what the coverage of child processes measures.
        **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
        "COORDINATION_DATA_DIR": str(closed / "data"),
        "HOME": "/nonexistent",
        "PORT": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", typed], env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in {1, 2, 5}
    assert str(closed) in done.stdout + done.stderr
