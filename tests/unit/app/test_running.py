"""The records of running services: found while their process lives, and never mistaken for another's."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from coordination.app import running
from coordination.app.running import RunningService


@pytest.fixture
def own() -> RunningService:
    """A record of the very process that runs this test."""
    started = running.started_at(os.getpid())
    assert started is not None
    return RunningService(
        os.getpid(), started, "http://127.0.0.1:8000", 8000, "embedded", None, needs_token=False, version="1"
    )


def test_a_recorded_service_is_found_while_it_lives(tmp_path: Path, own: RunningService) -> None:
    running.record(tmp_path, own)
    assert running.find(tmp_path) == [own]
    running.forget(tmp_path, own.pid)
    assert running.find(tmp_path) == []


def test_on_a_folder_that_does_not_exist_nothing_runs(tmp_path: Path) -> None:
    assert running.find(tmp_path / "none") == []


def test_a_process_that_began_at_another_time_is_not_the_service(tmp_path: Path, own: RunningService) -> None:
    running.record(tmp_path, replace(own, started=own.started - 60))
    assert running.find(tmp_path) == []
    assert list((tmp_path / running.FOLDER).iterdir()) == []


def test_a_dead_process_that_nobody_has_waited_for_does_not_run(tmp_path: Path, own: RunningService) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = running.started_at(child.pid)
        assert started is not None
        service = replace(own, pid=child.pid, started=started)
        running.record(tmp_path, service)
        assert running.find(tmp_path) == [service]
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert running.find(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x"}', "\x00"])
def test_a_record_that_cannot_be_read_is_removed(tmp_path: Path, text: str) -> None:
    path = tmp_path / running.FOLDER / "1.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    assert running.find(tmp_path) == []
    assert not path.exists()


def test_a_record_under_the_name_of_another_process_does_not_count(
    tmp_path: Path, own: RunningService
) -> None:
    running.record(tmp_path, own)
    folder = tmp_path / running.FOLDER
    (folder / f"{own.pid}.json").rename(folder / "1.json")
    assert running.find(tmp_path) == []


def test_services_are_found_in_the_order_of_their_start(tmp_path: Path, own: RunningService) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = running.started_at(child.pid)
        assert started is not None
        younger = replace(own, pid=child.pid, started=started)
        running.record(tmp_path, younger)
        running.record(tmp_path, own)
        assert running.find(tmp_path) == [own, younger]
        child.kill()


def test_a_record_is_for_its_owner_only(tmp_path: Path, own: RunningService) -> None:
    running.record(tmp_path, own)
    folder = tmp_path / running.FOLDER
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / f"{own.pid}.json").stat().st_mode & 0o077 == 0
