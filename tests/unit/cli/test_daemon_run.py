"""What the daemon is given: it starts a local service only where one is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordination.app import port as ports
from coordination.cli import daemon_run
from coordination.cli.output import Failure
from coordination.settings import load


def test_where_a_hosted_service_is_meant_no_local_one_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COORDINATION_URL", "https://coordination.example.com")
    monkeypatch.setenv("COORDINATION_TOKEN", "coord_secret")
    daemon_run.start_service(load({"COORDINATION_DATA_DIR": str(tmp_path / "data")}))
    assert not (tmp_path / "data").exists()


def test_where_the_port_of_the_local_one_is_taken_it_is_said_by_whom(tmp_path: Path) -> None:
    with ports.listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(Failure, match=f"Port {port}"):
            daemon_run.start_service(load({"COORDINATION_DATA_DIR": str(tmp_path), "PORT": port}))
