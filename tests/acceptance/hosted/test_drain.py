"""The end of a hosted service: what has begun is finished, what never would is cut off, and nobody new is let in."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.acceptance.hosted.service import Hosted, owner
from tests.acceptance.service import wait_until

pytestmark = pytest.mark.acceptance
WORKERS = pytest.mark.parametrize("workers", [1, 2])
BODY = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "claim_file_lock", "arguments": {"file_paths": ["a.py"]}},
    }
).encode()


def begin(service: Hosted, workers: int) -> socket.socket:
    """Begin a call whose body is still to come; the service, all of whose workers run, has begun to read it."""
    wait_until(lambda: service.log().count('"service_ready"') == workers, 30, "all workers")
    token = owner(service.url)["authorization"]
    head = (
        "POST /mcp/v2/claude/alice__session__drained__planner HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {token}\r\nX-Client-Name: claude code\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nExpect: 100-continue\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    call = socket.create_connection(("127.0.0.1", service.port), timeout=20)
    call.sendall(head.encode())
    assert call.recv(1024).startswith(b"HTTP/1.1 100 ")
    return call


def tell_to_stop(service: Hosted, workers: int) -> None:
    """Ask for the end, and wait until all who serve have begun with it."""
    assert service.running is not None
    service.running.send_signal(signal.SIGTERM)
    wait_until(lambda: service.log().count('"service_stops"') == workers, 20, "the end to begin")


@WORKERS
def test_a_call_that_has_begun_is_answered_and_nobody_new_is_let_in(
    dsn: str, tmp_path: Path, workers: int
) -> None:
    service = Hosted(tmp_path, dsn, COORDINATION_WORKERS=str(workers), COORDINATION_STOP_SECONDS="60")
    with service, begin(service, workers) as call:
        tell_to_stop(service, workers)
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", service.port), timeout=5).close()
        call.sendall(BODY)
        answer = b"".join(iter(lambda: call.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"outcome":"granted"' in answer.replace(b": ", b":")
        assert service.running is not None
        assert service.running.wait(20) == 0, service.log()


@WORKERS
def test_a_call_that_never_ends_is_told_to_come_again_after_the_time_that_was_set(
    dsn: str, tmp_path: Path, workers: int
) -> None:
    service = Hosted(tmp_path, dsn, COORDINATION_WORKERS=str(workers), COORDINATION_STOP_SECONDS="1")
    with service, begin(service, workers) as call:
        tell_to_stop(service, workers)
        assert service.running is not None
        assert service.running.wait(20) == 0, service.log()
        answer = b"".join(iter(lambda: call.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry_later" in answer
    assert '"workers_killed_at_stop"' not in service.log()
