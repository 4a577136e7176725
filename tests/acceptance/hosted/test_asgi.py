"""The service under a uvicorn that a platform starts: the guide's start command, and the one with our bounds."""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from coordination.app import asgi
from coordination.transport.bounds import HEAD_MAX
from tests.acceptance.hosted.service import Hosted, owner
from tests.acceptance.service import wait_until

pytestmark = pytest.mark.acceptance
GUIDE = "uvicorn coordination.app.asgi:app --host 0.0.0.0 --port $PORT"
PATH = "/mcp/v2/claude/alice__session__started"


def documented() -> str:
    """The longer command, as the module's text has it."""
    text = asgi.__doc__ or ""
    return text[text.rindex("uvicorn coordination") : text.index("\n\nuvicorn does")]


def claim(service: Hosted, agent: str, headers: dict[str, str], **arguments: Any) -> dict[str, Any]:
    params = {"name": "claim_file_lock", "arguments": arguments}
    answer = httpx.post(
        f"{service.url}{PATH}__{agent}",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
        headers={**headers, "x-client-name": "claude code"},
        trust_env=False,
        timeout=60,
    )
    return answer.json()["result"]["structuredContent"]


@pytest.mark.parametrize("command", [GUIDE, documented()], ids=["the guide's", "with our bounds"])
def test_it_serves_and_at_the_end_waiting_claims_are_told_to_try_again(
    dsn: str, tmp_path: Path, command: str
) -> None:
    with ThreadPoolExecutor() as clients, Hosted(tmp_path, dsn, command=["-m", *shlex.split(command)]) as one:
        headers = owner(one.url)
        assert httpx.post(f"{one.url}{PATH}__planner", trust_env=False).status_code == 401
        assert claim(one, "planner", headers, file_paths=["a.py"])["outcome"] == "granted"
        waiting = clients.submit(claim, one, "impl_a", headers, file_paths=["a.py"], wait_seconds=45)

        def is_waiting() -> bool:
            status = httpx.get(f"{one.url}/api/v1/sessions/started", headers=headers, trust_env=False)
            return status.json()["totals"]["waiting"] == 1

        wait_until(is_waiting, 20, "the claim to wait")
        bounded = httpx.get(one.url, headers={"x-a": "a" * (HEAD_MAX + 1)}, trust_env=False).status_code
        stopped = one.stop()
        assert waiting.result(20)["code"] == "retry_later"
    # uvicorn ends by the signal that it was sent, as it always does.
    assert stopped == -15, one.log()
    if command != GUIDE:
        assert bounded == 431
    assert "Traceback" not in one.log()
    assert "Authorization" not in one.log()


def test_outside_of_hosted_mode_it_says_what_to_do(dsn: str, tmp_path: Path) -> None:
    command = ["-m", *shlex.split(GUIDE)]
    with pytest.raises(AssertionError, match="set COORDINATION_MODE=hosted"):
        Hosted(tmp_path, dsn, command=command, COORDINATION_MODE="local", HOST="127.0.0.1").start()
