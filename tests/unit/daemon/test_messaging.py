"""What is pushed to a terminal: two lines, to that terminal alone, and never a failure or a secret in the log."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from coordination.daemon import messaging, words
from coordination.daemon.local_agent import TerminalKey
from coordination.daemon.messaging import Mailbox, push

SECRET = "only-for-the-socket"  # noqa: S105 - the test's own
ME = TerminalKey(os.getpid(), f"{psutil.Process().create_time():.2f}")


async def received(path: Path, mailbox: Mailbox, text: str) -> tuple[bool, bytes]:
    """Listen as a terminal does; returns what `push` said, and what came."""
    came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set_result(await reader.read())
        writer.close()

    async with await asyncio.start_unix_server(take, path):
        return await push(mailbox, text), await asyncio.wait_for(came, 20)


async def test_the_token_and_then_the_message_arrive(tmp_path: Path) -> None:
    path = tmp_path / "s"
    pushed, came = await received(path, Mailbox(ME, str(path), SECRET), words.WAITING)
    assert pushed
    auth, message = (json.loads(line) for line in came.splitlines())
    assert auth == {"type": "auth", "token": SECRET}
    assert message["message"] == {"role": "user", "content": words.WAITING}


async def test_another_process_that_listens_there_gets_no_token(tmp_path: Path) -> None:
    path = tmp_path / "s"
    other = TerminalKey(os.getppid(), "1.00")
    with capture_logs() as logs:
        pushed, came = await received(path, Mailbox(other, str(path), SECRET), "text")
    assert (pushed, came) == (False, b"")
    assert SECRET not in str(logs)


@pytest.mark.parametrize("path", ["/nowhere/s", "", "a\0b", "x" * 300, "/dev/null"])
async def test_where_nobody_can_listen_it_says_so_and_raises_nothing(path: str) -> None:
    with capture_logs() as logs:
        assert not await push(Mailbox(ME, path, SECRET), "text")
    assert SECRET not in str(logs)
    assert SECRET not in repr(Mailbox(ME, path, SECRET))
    assert [log["log_level"] for log in logs] == ["debug"]


async def test_a_terminal_that_reads_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messaging, "SECONDS", 0.05)
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        # More than the kernel takes for a listener that accepts nobody.
        assert not await push(Mailbox(ME, path, SECRET), "x" * 8_000_000)
