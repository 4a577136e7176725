"""`coord doctor`: what is well, what is not, and for each failing thing how to mend it."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from coordination.domain.visibility import PLANNER_TOOLS
from coordination.store import schema_version
from tests.integration.installation import Installation

pytestmark = pytest.mark.acceptance

NAMES = [
    "settings",
    "data folder",
    "log folder",
    "port",
    "connection",
    "database",
    "migrations",
    "row policies",
    "realtime",
    "clock",
    "service",
    "ready",
    "Claude Code (modern)",
    "Claude Code (older)",
    "Cursor",
    "plugin",
]
PLUGIN = {"plugin"}
"""Of what nobody installed, it says only how to."""


def examine(installation: Installation, code: int, **variables: str) -> dict[str, dict[str, Any]]:
    """What the doctor says of each thing; every failing one must say how to mend it."""
    done = installation.coord("doctor", "--json", **variables)
    assert done.returncode == code, (done.stdout, done.stderr)
    answer = json.loads(done.stdout)
    assert answer["well"] is (code == 0)
    checks = {check["name"]: check for check in answer["checks"]}
    assert list(checks) == NAMES
    assert all(bool(check["mend"]) is (check["state"] == "failed") for check in checks.values())
    return checks


def states(checks: dict[str, dict[str, Any]], state: str) -> set[str]:
    return {name for name, check in checks.items() if check["state"] == state}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Installation]:
    with Installation(tmp_path_factory.mktemp("doctor")) as one:
        one.json("up")
        yield one


def test_with_a_running_service_all_is_well(running: Installation) -> None:
    checks = examine(running, 0)
    assert states(checks, "ok") == set(NAMES) - PLUGIN
    assert checks["plugin"]["found"].endswith("coord install")
    tools = f"sees {', '.join(PLANNER_TOOLS)}"
    assert checks["Claude Code (modern)"]["found"] == checks["Claude Code (older)"]["found"] == tools
    assert checks["Cursor"]["found"].startswith("sees no tools")
    assert schema_version.known()[-1] in checks["migrations"]["found"]
    told = running.coord("doctor")
    assert told.stdout.endswith("\nAll is well.\n")


def test_a_service_on_another_database_than_the_settings_name_is_noticed(running: Installation) -> None:
    checks = examine(running, 5, DATABASE_URL="postgresql://me:hunter2@db.example/name")
    assert states(checks, "failed") == {"database"}
    assert checks["database"]["found"] == (
        "the service was started with embedded, and these settings name db.example/name"
    )
    assert states(checks, "skipped") == {"migrations", "row policies", "realtime", "clock"} | PLUGIN


def test_without_a_service_it_says_how_to_start_it_and_passes_nothing_unseen(tmp_path: Path) -> None:
    checks = examine(Installation(tmp_path), 5)
    assert states(checks, "failed") == {"service"}
    assert checks["service"]["mend"].endswith("coord up")
    assert {"ready", "Claude Code (modern)", "Claude Code (older)", "Cursor"} <= states(checks, "skipped")
    told = Installation(tmp_path / "again").coord("doctor")
    assert told.returncode == 5
    assert told.stdout.endswith("\n1 to mend.\n")


@pytest.mark.parametrize("wrong", ["abc", "70000"])
def test_a_setting_that_cannot_be_used_fails_and_nothing_else_is_passed(tmp_path: Path, wrong: str) -> None:
    installation = Installation(tmp_path)
    done = installation.coord("doctor", "--json", PORT=wrong, COORDINATION_POOL_SIZE="0")
    assert done.returncode == 5
    checks = json.loads(done.stdout)["checks"]
    assert [(check["name"], check["state"]) for check in checks] == [
        ("settings", "failed"),
        ("settings", "failed"),
        ("everything else", "skipped"),
    ]
    assert checks[0]["found"] == "PORT: write a whole number from 0 to 65535."
    assert checks[0]["mend"].endswith("unset PORT")


def test_a_database_that_is_behind_or_away_is_named(tmp_path: Path, empty_dsn: str) -> None:
    installation = Installation(tmp_path)
    behind = examine(installation, 5, DATABASE_URL=empty_dsn)
    assert states(behind, "failed") == {"migrations", "service"}
    assert behind["migrations"]["mend"].endswith("coord migrate")
    away = examine(installation, 5, DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/name")
    assert states(away, "failed") == {"database", "service"}
    assert {"migrations", "row policies", "clock"} <= states(away, "skipped")
    assert "hunter2" not in json.dumps(away)


def test_a_foreign_service_on_the_port_is_not_taken_for_ours(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as foreign:
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        checks = examine(Installation(tmp_path), 5, PORT=str(foreign.server_port))
        foreign.shutdown()
    assert states(checks, "failed") == {"port", "service"}
    assert "is not coordination" in checks["service"]["found"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    (tmp_path / "file").touch()
    checks = examine(installation, 5, COORDINATION_DATA_DIR=str(tmp_path / "file" / "data"))
    assert {"data folder", "log folder"} <= states(checks, "failed")


def test_a_data_folder_that_others_may_write_is_named_with_the_line_that_closes_it(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.data_dir.mkdir()
    for mode in (0o777, 0o770):
        installation.data_dir.chmod(mode)
        check = examine(installation, 5)["data folder"]
        assert check["state"] == "failed"
        assert "others may write" in check["found"]
    assert installation.paste(check["mend"].partition(": ")[2]).returncode == 0
    assert examine(installation, 5)["data folder"]["state"] == "ok"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_this_machine_is_refused(running: Installation) -> None:
    (service,) = running.services()
    # Nothing is imported after the change: another user may not reach our Python.
    ask = f"""
import os, socket
os.setuid(65534)
connection = socket.socket()
connection.connect(("127.0.0.1", {service.port}))
os.write(1, b"".join(iter(lambda: connection.recv(65536), b"")))
"""
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("HTTP/1.1 403 ")
    assert "foreign_user" in told.stdout
    assert "connection_of_foreign_user_refused" in running.log()
