"""The service as its own process: how it begins, ends, and is killed, and what stays of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from coordination.app.running import RunningService
from coordination.transport.bounds import HEAD_MAX
from tests.integration.installation import SECONDS, Installation, eventually, get, is_gone

PLANNER = "/mcp/v2/claude/alice__session__demo__planner"
OTHER = "/mcp/v2/claude/alice__session__demo__impl_a"


pytestmark = pytest.mark.acceptance


@contextlib.contextmanager
def foreground(
    one: Installation, **variables: str
) -> Generator[tuple[subprocess.Popen[str], RunningService]]:
    """Run the service in the foreground until it is ready; kill it at the end if it still runs."""
    with one.start("run", "--json", **variables) as program:
        try:
            assert program.stdout is not None
            # The answer is one object over several lines, of which the last is a closing brace.
            answer = "".join(iter(program.stdout.readline, "}\n"))
            assert '"state": "started"' in answer, program.communicate(timeout=SECONDS)
            (service,) = one.services()
            yield program, service
        finally:
            program.kill()


def call(url: str, path: str, **arguments: Any) -> dict[str, Any]:
    """Call claim_file_lock and return its structured answer."""
    body: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "claim_file_lock", "arguments": arguments},
    }
    answer = httpx.post(
        url + path, json=body, headers={"x-client-name": "claude code"}, trust_env=False, timeout=60
    )
    found: dict[str, Any] = answer.json()["result"]["structuredContent"]
    return found


def postgres_of(service: RunningService) -> set[int]:
    """The processes of the Postgres that a service started."""
    children = psutil.Process(service.pid).children(recursive=True)
    return {child.pid for child in children if "postgres" in child.name()}


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C once"])
def test_it_is_ended_cleanly_and_waiting_calls_are_told_to_try_again(
    installation: Installation, ending: signal.Signals
) -> None:
    with ThreadPoolExecutor() as clients, foreground(installation) as (program, service):
        postgres = postgres_of(service)
        assert postgres
        assert call(service.url, PLANNER, file_paths=["a.py"])["outcome"] == "granted"
        waiting = clients.submit(call, service.url, OTHER, file_paths=["a.py"], wait_seconds=45)
        status = f"{service.url}/api/v1/sessions/demo"
        eventually(lambda: bool(get(status).json()["waits"]), "the claim to wait")
        program.send_signal(ending)
        _, err = program.communicate(timeout=SECONDS)
        assert waiting.exception(SECONDS) is None, err
    assert program.returncode == 0, err
    assert waiting.result()["code"] == "retry_later"
    assert all(is_gone(pid) for pid in postgres)
    assert installation.services() == []
    assert not list((installation.data_dir / "services").iterdir())


def assert_bounded(service: RunningService) -> None:
    """What a service composes for its connections bounds heads; looked at beside other things, as a start is dear."""
    answer = httpx.get(service.url, headers={"x-a": "a" * HEAD_MAX}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (431, "head_too_large")


def test_its_end_is_told_to_every_stream_and_no_stream_holds_it_up(installation: Installation) -> None:
    with foreground(installation) as (program, service):
        assert call(service.url, PLANNER, file_paths=["streamed.py"])["outcome"] in {"granted", "renewed"}
        url = f"{service.url}/api/v1/events?session=demo&after=0"
        with (
            httpx.stream("GET", url, trust_env=False, timeout=SECONDS) as stream,
            connect(f"ws://127.0.0.1:{service.port}/ws", proxy=None) as socket,
        ):
            lines = stream.iter_lines()
            while "data:" not in next(lines):
                pass
            socket.send('{"subscribe": {"session": "demo"}}')
            assert "subscribed" in str(socket.recv())
            program.send_signal(signal.SIGTERM)
            rest = list(lines)
            with contextlib.suppress(ConnectionClosed):
                socket.recv()
            _, err = program.communicate(timeout=SECONDS)
    assert program.returncode == 0, err
    assert ": end: the service stops; come back with the last id" in rest
    assert (socket.close_code, socket.close_reason) == (1012, "the service stops")
    assert {record["level"] for record in records(err)} <= {"info"}, err


def test_another_ctrl_c_ends_it_at_once_and_its_log_has_requests_and_no_secrets(
    installation: Installation,
) -> None:
    with foreground(installation) as (program, service):
        assert_bounded(service)
        postgres = postgres_of(service)
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "claim_file_lock"}}
        headers = {"x-client-name": "cursor", "authorization": "Bearer hunter2hunter2"}
        httpx.post(service.url + PLANNER, json=body, headers=headers, trust_env=False)
        with socket.create_connection(("127.0.0.1", service.port)) as unfinished:
            # A request whose body does not come: a clean end waits for it for seconds.
            unfinished.sendall(b"POST /api/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
            program.send_signal(signal.SIGINT)
            err = until_logged(program, "service_stops")
            program.send_signal(signal.SIGINT)
            assert program.wait(SECONDS) == 130
    eventually(lambda: all(is_gone(pid) for pid in postgres), "Postgres to end")
    (refused,) = [record for record in records(err) if record["event"] == "tool_call_refused"]
    assert len(refused["request_id"]) == 32
    assert "hunter2" not in err
    assert "alice__session__" not in err


def test_after_sigkill_nothing_runs_nothing_is_lost_and_a_killed_postgres_comes_back(
    installation: Installation,
) -> None:
    with foreground(installation) as (program, service):
        postgres = postgres_of(service)
        granted = call(service.url, PLANNER, file_paths=["kept.py"], duration_minutes=60)
        program.kill()
        program.wait(SECONDS)
        eventually(lambda: all(is_gone(pid) for pid in postgres), "Postgres to end")
        assert installation.services() == []
    with foreground(installation) as (program, again):
        locks = {
            lock["path"]: lock for lock in get(f"{again.url}/api/v1/sessions/demo/locks").json()["locks"]
        }
        for pid in postgres_of(again):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: get(f"{again.url}/ready").status_code == 503, "the loss of Postgres to show")
        eventually(lambda: get(f"{again.url}/ready").status_code == 200, "Postgres to be back")
        assert get(f"{again.url}/health").status_code == 200
        program.send_signal(signal.SIGHUP)
        assert program.wait(SECONDS) == 0
    assert locks["kept.py"]["fencing_token"] == granted["locks"][0]["fencing_token"]


def until_logged(program: subprocess.Popen[str], event: str) -> str:
    """Read what a service writes up to and with an event."""
    assert program.stderr is not None
    lines: list[str] = []
    for line in program.stderr:
        lines.append(line)
        if event in line:
            return "".join(lines)
    raise AssertionError(f"it ended without {event}: {''.join(lines)}")


def records(text: str) -> list[dict[str, Any]]:
    """The log's records in what a service wrote."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
