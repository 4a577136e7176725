"""`coord mcp-stdio`: MCP over standard input and output as a program, to the daemon and to the service itself."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.integration.daemon.bridged import INITIALIZE
from tests.integration.daemon.interface import TOKEN, Interface
from tests.integration.installation import coord


async def test_the_command_speaks_to_the_daemon_of_its_data_folder(
    daemon: Interface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "daemon"
    folder.mkdir(mode=0o700)
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    port = daemon.url.rpartition(":")[2]
    asking = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode() + b"\n"
    environment = {"COORDINATION_DATA_DIR": str(tmp_path), "COORDINATION_DAEMON_PORT": port}
    out, err = await _run(asking, environment)
    # It names the terminal that it was started by, which is nobody that this daemon knows.
    assert json.loads(out)["error"]["data"]["code"] == "unknown_terminal", err
    assert daemon.asked[0][0].startswith(f"{os.getpid()}-")


async def test_the_command_speaks_to_the_service_when_a_session_is_named(
    behind: Any, session: str, tmp_path: Path
) -> None:
    port = str(httpx.URL(behind.base_url).port)
    environment = {"COORDINATION_DATA_DIR": str(tmp_path), "PORT": port, "COORD_AGENT": "impl_q"}
    begin = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE}
    call: dict[str, Any] = {"name": "sync_progress", "arguments": {}}
    ask: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    out, err = await _run(
        b"\n".join([orjson.dumps(begin), orjson.dumps(ask), b""]), environment, "--session", session
    )
    answers = {answer["id"]: answer for answer in map(json.loads, out.splitlines())}
    assert answers[1]["result"]["isError"] is False, err
    agents = (await behind.get(f"/api/v1/sessions/{session}")).json()["agents"]
    assert [one["agent_id"].partition("/")[2] for one in agents] == ["impl_q"]


async def _run(given: bytes, environment: Mapping[str, str], *arguments: str) -> tuple[bytes, bytes]:
    program = await asyncio.create_subprocess_exec(
        coord(),
        "mcp-stdio",
        *arguments,
        env={"PATH": "/usr/bin:/bin", "HOME": environment["COORDINATION_DATA_DIR"], **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await program.communicate(given)
    assert program.returncode == 0, err
    return out, err
