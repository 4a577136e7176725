"""Several processes on one port, as a person starts them: what runs, what takes a dead one's place, what ends."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from coordination.app.running import RunningService
from coordination.cli.background import WORKER
from tests.acceptance.installation.test_server import OTHER, PLANNER, call, foreground
from tests.integration.installation import SECONDS, Installation, eventually, get, is_gone

pytestmark = pytest.mark.acceptance


def workers_of(service: RunningService) -> set[int]:
    """The processes that serve."""
    children = psutil.Process(service.pid).children()
    return {child.pid for child in children if WORKER in child.cmdline()}


def serving(service: RunningService) -> set[int]:
    """The workers that have the port and answer: those that have made a connection to Postgres."""
    return {pid for pid in workers_of(service) if psutil.Process(pid).net_connections("unix")}


def test_up_starts_them_down_stops_them_and_status_and_doctor_work_as_with_one(
    installation: Installation,
) -> None:
    before = len(installation.log()) if (installation.data_dir / "logs" / "service.log").exists() else 0
    started = installation.json("up", "--workers", "2")
    (service,) = installation.services()
    assert (started["pid"], started["workers"]) == (service.pid, 2)
    eventually(lambda: len(serving(service)) == 2, "two workers")
    workers = workers_of(service)
    assert installation.json("doctor")["well"]
    assert installation.coord("status").returncode == 0
    workers_log = installation.log()[before:]
    assert workers_log.count("schema_migrated") <= 1
    again = installation.coord("up", "--workers", "2")
    assert (again.returncode, f"{service.pid}, with 2 workers" in again.stdout) == (0, True)
    other = installation.coord("up", "--workers", "3")
    assert other.returncode == 1
    assert "not with --workers 3" in other.stderr
    stopped = installation.json("down")
    assert (stopped["stopped"], stopped["killed"]) == ([service.pid], [])
    assert all(is_gone(pid) for pid in {service.pid, started["postgres_pid"], *workers})
    assert installation.log()[before:].count("service_stops") == 2


@pytest.mark.parametrize("number", ["0", "33", "many"])
def test_a_number_that_cannot_be_is_refused_before_anything_starts(
    installation: Installation, number: str
) -> None:
    refused = installation.coord("up", "--workers", number)
    assert refused.returncode == 2
    assert installation.services() == []


def test_a_killed_worker_is_replaced_and_the_service_answers_on(installation: Installation) -> None:
    with foreground(installation, COORDINATION_WORKERS="2") as (program, service):
        granted = call(service.url, PLANNER, file_paths=["kept.py"], duration_minutes=60)
        eventually(lambda: len(serving(service)) == 2, "two workers")
        before = workers_of(service)
        killed = before.pop()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: len(serving(service) - {killed}) == 2, "another worker in its place")
        assert before < workers_of(service)
        locks = get(f"{service.url}/api/v1/sessions/demo/locks").json()["locks"]
        program.send_signal(signal.SIGTERM)
        _, err = program.communicate(timeout=SECONDS)
    assert program.returncode == 0, err
    (told,) = [json.loads(line) for line in err.splitlines() if '"worker_replaced"' in line]
    assert (told["pid"], told["status"]) == (killed, -signal.SIGKILL)
    tokens = {lock["fencing_token"] for lock in locks}
    assert {lock["fencing_token"] for lock in granted["locks"]} <= tokens


def test_at_the_end_waiting_calls_of_every_worker_are_told_to_try_again(installation: Installation) -> None:
    with ThreadPoolExecutor(8) as clients, foreground(installation, COORDINATION_WORKERS="2") as found:
        program, service = found
        eventually(lambda: len(serving(service)) == 2, "two workers")
        assert call(service.url, PLANNER, file_paths=["a.py"])["outcome"] in {"granted", "renewed"}

        def wait(number: int) -> dict[str, Any]:
            path = OTHER.replace("impl_a", f"impl_{number}")
            return call(service.url, path, file_paths=["a.py"], wait_seconds=45)

        waiting = [clients.submit(wait, number) for number in range(8)]
        status = f"{service.url}/api/v1/sessions/demo"
        eventually(lambda: get(status).json()["totals"]["waiting"] == 8, "the claims to wait")
        workers = workers_of(service)
        program.send_signal(signal.SIGTERM)
        _, err = program.communicate(timeout=SECONDS)
        assert {call.result(SECONDS)["code"] for call in waiting} == {"retry_later"}, err
    assert program.returncode == 0, err
    assert all(is_gone(pid) for pid in workers)
    with pytest.raises(httpx.ConnectError):
        get(service.url)


def test_when_the_parent_is_killed_its_workers_and_its_postgres_end_by_themselves(
    installation: Installation,
) -> None:
    with foreground(installation, COORDINATION_WORKERS="2") as (program, service):
        eventually(lambda: len(serving(service)) == 2, "two workers")
        family = [child.pid for child in psutil.Process(service.pid).children(recursive=True)]
        program.kill()
        program.wait(SECONDS)
        eventually(lambda: all(is_gone(pid) for pid in family), "all of them to end")


def test_a_second_ctrl_c_ends_all_of_them_at_once(installation: Installation) -> None:
    with foreground(installation, COORDINATION_WORKERS="2", COORDINATION_STOP_SECONDS="60") as (
        program,
        service,
    ):
        eventually(lambda: len(serving(service)) == 2, "two workers")
        workers = workers_of(service)
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)  # so that none ends cleanly between the two
        program.send_signal(signal.SIGINT)
        eventually(lambda: not port_is_open(service.port, program.pid), "the clean end to begin")
        program.send_signal(signal.SIGINT)
        assert program.wait(SECONDS) == 130
    eventually(lambda: all(is_gone(pid) for pid in workers), "the workers to end")


def port_is_open(port: int, pid: int) -> bool:
    """Whether a process holds a listening port."""
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr[1] == port
        for connection in psutil.Process(pid).net_connections("tcp")
    )


def test_a_service_none_of_whose_workers_can_begin_ends_and_says_why(installation: Installation) -> None:
    installation.data_dir.mkdir(mode=0o700, exist_ok=True)
    (installation.data_dir / "local.token").unlink(missing_ok=True)
    (installation.data_dir / "local.token").symlink_to("/nowhere")
    refused = installation.coord("run", "--workers", "2", COORDINATION_LOCAL_TOKEN="required")  # noqa: S106 - when to ask for it
    (installation.data_dir / "local.token").unlink()
    assert refused.returncode == 1
    assert "symbolic link" in refused.stderr
    assert "ended while it started" in refused.stderr
    assert installation.services() == []


def test_a_scrape_of_any_worker_has_what_all_of_them_counted(installation: Installation) -> None:
    with foreground(installation, COORDINATION_WORKERS="2") as (_, service):
        eventually(lambda: len(serving(service)) == 2, "two workers")
        killed = workers_of(service).pop()
        for number in range(20):  # a connection each, so that both have some
            get(f"{service.url}/api/v1/sessions/unknown_{number}")
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: len(serving(service) - {killed}) == 2, "another worker in its place")
        counted = 'coordination_refusals_total{reason="not_found"} 20.0'
        for _ in range(4):
            assert counted in get(f"{service.url}/metrics").text.splitlines()
        pool = installation.json("config", "show")["pool_size"]["value"]
        eventually(
            lambda: f"coordination_pool_connections {2 * pool}.0" in get(f"{service.url}/metrics").text,
            "both to say how large their pools are",
        )
