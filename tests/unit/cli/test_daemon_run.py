"""What the daemon is given: it starts a local service only where one is meant."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coordination.app import port as ports
from coordination.app import running
from coordination.app.running import RunningService
from coordination.cli import daemon_run, place
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


@pytest.fixture
def ending() -> Generator[subprocess.Popen[bytes]]:
    """The process of a service that is about to end."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_one_that_is_ending_is_waited_for_and_then_another_one_is_started(
    tmp_path: Path, ending: subprocess.Popen[bytes]
) -> None:
    started = running.started_at(ending.pid)
    assert started is not None
    with ports.listen("127.0.0.1", 0) as taken, ThreadPoolExecutor(1) as beside:
        port = taken.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        running.record(tmp_path, RunningService(ending.pid, started, url, port, "embedded", None, False, "1"))
        settings = load({"COORDINATION_DATA_DIR": str(tmp_path), "PORT": str(port)})
        starting = beside.submit(daemon_run.start_service, settings)
        # It is asked, and ends without an answer.
        taken.settimeout(30)
        asked, _ = taken.accept()
        ending.kill()
        ending.wait()
        asked.close()
        # That another one would be started shows by what keeps it from that.
        with pytest.raises(Failure, match=f"Port {port}"):
            starting.result(60)


def test_a_service_on_this_machine_is_talked_to_under_the_persons_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    pid, url = os.getpid(), "http://127.0.0.1:8123"
    service = running.RunningService(
        pid, running.started_at(pid) or 0, url, 8123, "embedded", None, False, "1"
    )
    running.record(tmp_path, service)
    found = daemon_run.find_service(load({"COORDINATION_DATA_DIR": str(tmp_path), "PORT": "8123"}))
    assert found is not None
    assert (found.url, found.workspace, found.user) == (url, None, place.user())


def test_who_listens_in_place_of_the_local_service_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with ports.listen("127.0.0.1", 0) as stranger:
        port = str(stranger.getsockname()[1])
        assert daemon_run.find_service(load({"COORDINATION_DATA_DIR": str(tmp_path), "PORT": port})) is None
