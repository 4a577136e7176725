"""Settings that cannot be used are no reason to leave a service running, nor to stop another one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coordination.app import port
from tests.integration.installation import Installation, is_gone

pytestmark = pytest.mark.acceptance


def test_a_file_of_settings_that_is_named_from_here_counts_for_the_service_too(
    installation: Installation,
) -> None:
    (Path(installation.environment["HOME"]) / "own.toml").write_text(
        "log_level = 'warning'\n", encoding="utf-8"
    )
    started = installation.coord("up", COORDINATION_CONFIG="own.toml")
    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize("wrong", [{"PORT": "70000"}, {"HOST": "192.0.2.1"}])
def test_down_stops_the_service_of_the_data_folder_whatever_else_is_set_wrong(
    wrong: dict[str, str], installation: Installation
) -> None:
    pid = installation.json("up")["pid"]
    done = installation.coord("down", "--json", **wrong)
    assert (done.returncode, json.loads(done.stdout)["stopped"]) == (0, [pid])
    (name,) = wrong
    assert done.stderr.startswith(f"{name}: ")
    assert is_gone(pid)


def test_down_stops_nothing_where_it_cannot_tell_which_service_or_folder_is_meant(
    installation: Installation, tmp_path: Path
) -> None:
    installation.json("up")
    installation.json("up", PORT=str(port.free_port("127.0.0.1", 20000)))
    two = installation.services()
    assert len(two) == 2
    for wrong in (
        {"PORT": "abc"},
        {"COORDINATION_CONFIG": str(tmp_path / "none"), "COORDINATION_DATA_DIR": ""},
    ):
        done = installation.coord("down", **wrong)
        assert done.returncode == 2, done
        assert next(iter(wrong)) in done.stderr
    assert installation.services() == two
    lines = [line for line in installation.coord("down", PORT="abc").stderr.splitlines() if "PORT=" in line]
    for service, line in zip(two, lines, strict=True):
        assert installation.paste(line.partition(": ")[2]).stdout.startswith(
            f"Stopped process {service.pid},"
        )


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
        **os.environ,
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
