"""`coord migrate` on an embedded Postgres that does not run, and beside a service that does."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from coordination.app import running
from coordination.app.running import RunningService
from coordination.store import schema_version
from tests.integration.installation import Installation

NEWEST = schema_version.known()[-1]

pytestmark = pytest.mark.acceptance


def test_the_embedded_postgres_is_started_for_it_but_nobody_goes_back_under_a_service(tmp_path: Path) -> None:
    embedded = Installation(tmp_path)
    assert embedded.json("migrate") == {"before": None, "after": NEWEST, "policies_applied": False}
    assert not (embedded.data_dir / "postgres" / "postmaster.pid").exists()

    pid = os.getpid()
    started = running.started_at(pid)
    assert started is not None
    running.record(
        embedded.data_dir,
        RunningService(pid, started, "http://x", 1, "embedded", None, needs_token=False, version="1"),
    )
    refused = embedded.coord("migrate", "--to", "base", "--yes", "--json")
    assert refused.returncode == 1
    error = json.loads(refused.stdout)["error"]
    assert (error["code"], str(pid) in error["message"]) == ("in_use", True)
    beside = embedded.coord("migrate", "--to", "base", "--yes", "--json", PORT="8001")
    assert "PORT=1 " in json.loads(beside.stdout)["error"]["mend"]
    assert embedded.json("migrate", "--check")["current"] is True
