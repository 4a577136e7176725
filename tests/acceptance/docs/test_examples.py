"""The programs in `examples` run, on a real service, and do what they say."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.docs.conftest import Documented
from tests.integration.installation import Installation, coord
from tests.unit.docs.page import ROOT, fences, pages, text_of

pytestmark = pytest.mark.acceptance

CURL = sorted((ROOT / "examples" / "curl").glob("*.sh"))
CLAIM = ROOT / "examples" / "python" / "claim.py"
MARK = "held while the command runs"


async def run(*command: str | Path) -> tuple[int, str, str]:
    """Run a program and return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, complained = await process.communicate()
    return process.returncode or 0, printed.decode(), complained.decode()


async def claimed(documented: Documented, session: str, paths: list[str], action: str) -> dict[str, Any]:
    """Claim or release as another agent, and return the structured answer."""
    arguments = {"file_paths": paths, "action": action}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(
            f"{documented.url}/mcp/v2/claude/bob__session__{session}__impl_b",
            json=body | {"params": {"name": "claim_file_lock", "arguments": arguments}},
            headers={"x-client-name": "claude code"},
        )
    answer: dict[str, Any] = response.json()["result"]["structuredContent"]
    return answer


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are for curl")
@pytest.mark.parametrize("script", CURL, ids=lambda script: script.name)
async def test_the_protocol_by_hand_ends_in_a_release(documented: Documented, script: Path) -> None:
    code, printed, complained = await run("sh", script, documented.url)
    assert code == 0, complained
    answers = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert not [answer for answer in answers if "error" in answer or answer["result"].get("isError")]
    assert answers[-1]["result"]["structuredContent"]["outcome"] == "released"
    listed = next(answer["result"]["tools"] for answer in answers if "tools" in answer["result"])
    assert [tool["name"] for tool in listed] == ["claim_file_lock", "sync_progress", "check_agent_status"]


async def test_the_python_client_holds_its_locks_as_long_as_the_command_runs(
    documented: Documented, tmp_path: Path
) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    waiting = f"mkfifo {go}; mkfifo {begun}; echo yes > {begun}; cat {go}; exit 3"
    running = asyncio.create_task(
        run(
            sys.executable,
            CLAIM,
            "--url",
            documented.url,
            "--session",
            "held",
            "resource:db",
            "--",
            "sh",
            "-c",
            waiting,
        )
    )
    while not begun.exists():
        await asyncio.wait({running}, timeout=0.05)
        assert not running.done(), running.result()
    assert await asyncio.to_thread(begun.read_text) == "yes\n"
    refused = await claimed(documented, "held", ["resource:db"], "claim")
    await asyncio.to_thread(go.write_text, MARK)
    code, printed, complained = await running
    granted = await claimed(documented, "held", ["resource:db"], "claim")

    assert refused["outcome"] == "held"
    assert (code, printed) == (3, MARK), complained
    assert granted["outcome"] == "granted"


async def test_the_python_client_gives_up_when_its_turn_does_not_come(documented: Documented) -> None:
    await claimed(documented, "taken", ["resource:db"], "claim")
    command = (
        CLAIM,
        "--url",
        documented.url,
        "--session",
        "taken",
        "--patience",
        "1",
        "resource:db",
        "--",
        "true",
    )
    code, _, _ = await run(sys.executable, *command)
    assert code == 75


async def test_the_python_client_says_what_was_refused(documented: Documented) -> None:
    command = (CLAIM, "--url", documented.url, "--session", "refused", "../outside", "--", "true")
    code, _, complained = await run(sys.executable, *command)
    assert code == 1
    assert complained.startswith("invalid_input: ")


@pytest.mark.parametrize("problem", ["nobody answers", "it asks for the token"])
async def test_the_python_client_says_in_one_line_that_the_service_cannot_be_used(
    problem: str, tmp_path: Path
) -> None:
    if problem == "nobody answers":
        code, printed, complained = await run(
            sys.executable, CLAIM, "--url", "http://127.0.0.1:1", "a.py", "--", "true"
        )
    else:
        with Installation(tmp_path, **{"COORDINATION_LOCAL_TOKEN": "required"}) as installation:
            url = (await asyncio.to_thread(installation.json, "up"))["url"]
            code, printed, complained = await run(sys.executable, CLAIM, "--url", url, "a.py", "--", "true")
    assert (code, printed) == (69, "")
    assert len(complained.splitlines()) == 1, complained
    assert complained.startswith("The service at http://127.0.0.1:")
    assert "--token" in complained


async def test_the_python_client_lets_the_command_end_when_the_service_goes_away(tmp_path: Path) -> None:
    with Installation(tmp_path) as installation:
        url = (await asyncio.to_thread(installation.json, "up"))["url"]
        stop = f"echo ran; {shlex.quote(coord())} down >&2; exit 3"
        environment = {"COORDINATION_DATA_DIR": str(installation.data_dir)}
        command = ("env", *(f"{name}={value}" for name, value in environment.items()), "sh", "-c", stop)
        code, printed, complained = await run(sys.executable, CLAIM, "--url", url, "a.py", "--", *command)
    assert (code, printed) == (3, "ran\n"), complained
    assert "Traceback" not in complained


async def test_the_python_client_releases_when_the_command_cannot_be_started(documented: Documented) -> None:
    command = (CLAIM, "--url", documented.url, "--session", "absent", "a.py", "--", "/no/such/program")
    code, _, complained = await run(sys.executable, *command)
    assert (code, len(complained.splitlines())) == (127, 1), complained
    assert complained.startswith("/no/such/program")
    assert (await claimed(documented, "absent", ["a.py"], "claim"))["outcome"] == "granted"


def test_every_example_that_a_page_runs_is_there() -> None:
    named = {
        word
        for page in pages()
        for block in fences(text_of(page))
        for word in block.text.split()
        if word.startswith("examples/")
    }
    assert named
    assert all((ROOT / name).is_file() for name in named)
