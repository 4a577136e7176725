"""The real hook and the real socket: what is asked arrives, what is answered is printed, and nobody else is heard."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from coordination.daemon.hook_call import HookCall, Reply
from coordination.daemon.hook_socket import AT_ONCE, HookSocket, SocketTaken
from coordination.daemon.socket_path import socket_path
from coordination.embedded.private_folder import NotPrivate, short_folder
from tests.integration.daemon.fake_daemon import framed
from tests.integration.daemon.hook import PATIENCE_SECONDS, Hook, decision, edit, said

is_root = os.geteuid() == 0
NEWS = b'{"systemMessage":"news"}'


class Daemon:
    """Answers each call with `output`, and remembers what was asked and what arrived."""

    def __init__(self, output: bytes = b"{}") -> None:
        self.output = output
        self.calls: list[HookCall] = []
        self.delivered = asyncio.Event()

    async def answer(self, call: HookCall) -> Reply:
        self.calls.append(call)
        return Reply(self.output, self.delivered.set)


async def run(hook: Hook, *arguments: str, given: bytes = b"{}") -> Mapping[str, Any]:
    return await asyncio.to_thread(hook.run, *arguments, given=given)


def wanted(hook: Hook) -> Path:
    return Path(hook.pinned["socket"])


async def connected(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(path)


async def test_a_call_arrives_with_its_facts_and_its_input(hook: Hook) -> None:
    daemon = Daemon()
    hook.environment |= {"COORD_AGENT": "", "COORD_SESSION": "a=b", "CLAUDE_PID": "7", "SECRET": "no"}
    async with HookSocket(wanted(hook), daemon.answer):
        running = hook.start("PreToolUse", "edit")
        assert await asyncio.to_thread(said, running, edit("/w/ä.py")) == {}
    (call,) = daemon.calls
    assert call.event == call.facts["event"] == "PreToolUse"
    assert call.body["tool_input"]["file_path"] == "/w/ä.py"
    assert not call.unparsed
    assert call.peer_pid == running.pid == int(call.facts["pid"])
    assert int(call.facts["ppid"]) == os.getpid()
    assert call.facts["host_python"].endswith(sys.executable)
    assert {name: call.facts[name] for name in ("COORD_AGENT", "COORD_SESSION", "CLAUDE_PID")} == {
        "COORD_AGENT": "",
        "COORD_SESSION": "a=b",
        "CLAUDE_PID": "7",
    }
    assert "SECRET" not in call.facts


async def test_news_count_as_delivered_once_they_are_printed(hook: Hook) -> None:
    daemon = Daemon(NEWS)
    async with HookSocket(wanted(hook), daemon.answer):
        assert await run(hook, "Stop") == {"systemMessage": "news"}
        await asyncio.wait_for(daemon.delivered.wait(), PATIENCE_SECONDS)


async def test_news_that_were_read_but_not_thanked_for_are_not_delivered(hook: Hook) -> None:
    daemon = Daemon(NEWS)
    async with HookSocket(wanted(hook), daemon.answer) as listening:
        for receipt in (b"", b"\x15"):
            reader, writer = await connected(listening.path)
            writer.write(framed(b"hook/1\0event=Stop\0\0{}"))
            assert await reader.readexactly(4 + len(NEWS)) == framed(NEWS)
            writer.write(receipt)
            writer.close()
            await writer.wait_closed()
    assert len(daemon.calls) == 2
    assert not daemon.delivered.is_set()


async def test_a_failing_answer_is_no_answer_and_the_next_one_is(hook: Hook) -> None:
    failures = [
        ValueError("a fault of ours"),
        OSError("no service"),
        TimeoutError(),
        asyncio.CancelledError(),
    ]

    async def answer(_: HookCall) -> Reply:
        if failures:
            raise failures.pop(0)
        return Reply(b"{}")

    with capture_logs() as logged:
        async with HookSocket(wanted(hook), answer):
            for _ in range(4):
                assert decision(await run(hook, "PreToolUse", "edit", given=edit("/a"))) == "warn"
            assert await run(hook, "PreToolUse", "edit", given=edit("/a")) == {}
    # A cancellation is no fault.
    assert [line["event"] for line in logged if line["log_level"] == "error"] == ["hook_not_answered"] * 3


async def test_what_is_no_request_ends_that_connection_alone(hook: Hook) -> None:
    daemon = Daemon()
    async with HookSocket(wanted(hook), daemon.answer) as listening:
        for sent in (b"\xff\xff\xff\xff", framed(b"hook/2\0\0"), framed(b"hook/1\0\0")):
            reader, writer = await connected(listening.path)
            writer.write(sent)
            assert await reader.read() == b""
            writer.close()
        assert daemon.calls == []
        assert await run(hook, "Stop") == {}


async def test_whoever_writes_too_slowly_is_cut(hook: Hook) -> None:
    daemon = Daemon()
    async with HookSocket(wanted(hook), daemon.answer) as listening:
        reader, writer = await connected(listening.path)
        writer.write(framed(b"hook/1\0event=Stop\0\0{}")[:-1])
        assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""
        writer.close()
    assert daemon.calls == []


async def test_fifty_are_answered_at_once_and_those_behind_them_later(hook: Hook) -> None:
    at_work, full, go_on = 0, asyncio.Event(), asyncio.Event()

    async def answer(_: HookCall) -> Reply:
        nonlocal at_work
        at_work += 1
        if at_work == AT_ONCE:
            full.set()
        await go_on.wait()
        return Reply(b"{}")

    async with HookSocket(wanted(hook), answer) as listening:
        asking = [await connected(listening.path) for _ in range(3 * AT_ONCE)]
        for _, writer in asking:
            writer.write(framed(b"hook/1\0event=Stop\0\0{}") + b"\x06")
        await asyncio.wait_for(full.wait(), PATIENCE_SECONDS)
        for _ in range(20 * AT_ONCE):
            # Whoever could come to work comes within these turns.
            await asyncio.sleep(0)
        assert at_work == AT_ONCE
        go_on.set()
        for reader, writer in asking:
            assert await reader.readexactly(6) == framed(b"{}")
            writer.close()
    assert at_work == 3 * AT_ONCE


async def test_a_call_too_long_for_a_frame_comes_without_its_long_texts(hook: Hook) -> None:
    daemon = Daemon()
    async with HookSocket(wanted(hook), daemon.answer):
        assert await run(hook, "PreToolUse", "edit", given=edit("/w/a.py", "x" * (9 << 20))) == {}
    (call,) = daemon.calls
    assert call.body["tool_input"]["file_path"] == "/w/a.py"
    assert len(call.body["tool_input"]["content"]) == 64 << 10


async def test_a_long_call_comes_whole(hook: Hook) -> None:
    daemon = Daemon()
    async with HookSocket(wanted(hook), daemon.answer):
        await run(hook, "PreToolUse", "edit", given=edit("/w/a.py", "x" * (7 << 20)))
    assert len(daemon.calls[0].body["tool_input"]["content"]) == 7 << 20


async def test_a_second_daemon_is_refused_and_the_first_goes_on(hook: Hook) -> None:
    first = Daemon(NEWS)
    async with HookSocket(wanted(hook), first.answer):
        with pytest.raises(SocketTaken, match="already"):
            await HookSocket(wanted(hook), Daemon().answer).__aenter__()
        assert await run(hook, "Stop") == {"systemMessage": "news"}


async def test_what_a_dead_daemon_left_is_replaced(hook: Hook) -> None:
    path = wanted(hook)
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    daemon = Daemon()
    async with HookSocket(path, daemon.answer):
        assert await run(hook, "Stop") == {}
    assert not path.exists()
    assert len(daemon.calls) == 1


@pytest.mark.parametrize("mode", [0o755, 0o770])
async def test_a_folder_that_others_reach_is_refused(mode: int, hook: Hook) -> None:
    wanted(hook).parent.mkdir()
    wanted(hook).parent.chmod(mode)
    with pytest.raises(NotPrivate):
        await HookSocket(wanted(hook), Daemon().answer).__aenter__()


async def test_a_deep_folder_has_its_socket_in_a_short_private_one(hook: Hook, folder: Path) -> None:
    path = folder / ("deep" * 30) / "daemon" / "socket"
    daemon = Daemon()
    async with HookSocket(path, daemon.answer) as listening:
        assert listening.path == socket_path(path) != path
        assert len(str(listening.path)) < 60
        assert listening.path.parent.stat().st_mode & 0o777 == 0o700
        hook.pinned["socket"] = str(listening.path)
        assert await run(hook, "Stop") == {}
        with pytest.raises(SocketTaken):
            await HookSocket(path, daemon.answer).__aenter__()
    assert not listening.path.parent.exists()


FIND = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("hook", sys.argv[1])
hook = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hook)
call = hook.Call("Stop", False)
call.home = sys.argv[2]
path = hook.socket_path(call)
print(path.decode() if isinstance(path, bytes) else path)
"""


@pytest.mark.parametrize("home", ["/home/a", "/home/" + "a" * 100, "/home/" + "ä" * 30])
def test_the_hook_finds_the_socket_where_the_daemon_puts_it(home: str, hook: Hook) -> None:
    command = [sys.executable, "-c", FIND, str(hook.folder / "hook.py"), home]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    data = "Library/Application Support" if sys.platform == "darwin" else ".local/share"
    folder = Path(home) / data / "coordination" / "daemon"
    assert found == str(socket_path(folder / "socket"))
    assert (short_folder(folder) == Path(found).parent) is (len(os.fsencode(home)) > 60)


CONNECT_AS_NOBODY = """
import os, socket, sys
place = os.open(sys.argv[1], os.O_PATH)
os.setuid(65534)
connection = socket.socket(socket.AF_UNIX)
connection.connect(f"/proc/self/fd/{place}")
try:
    connection.sendall(bytes.fromhex(sys.argv[2]))
    print(connection.recv(1))
except OSError:
    print(b"")
"""


@pytest.mark.skipif(not is_root, reason="only root can let somebody else connect")
async def test_another_user_is_not_listened_to(hook: Hook) -> None:
    daemon = Daemon()
    async with HookSocket(wanted(hook), daemon.answer) as listening:
        listening.path.chmod(0o666)
        request = framed(b"hook/1\0event=Stop\0\0{}").hex()
        command = [sys.executable, "-c", CONNECT_AS_NOBODY, str(listening.path), request]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert done.stdout == "b''\n"
    assert daemon.calls == []


async def test_calls_that_were_taken_are_answered_before_the_end(hook: Hook) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_: HookCall) -> Reply:
        began.set()
        await go_on.wait()
        return Reply(NEWS)

    listening = HookSocket(wanted(hook), answer)
    await listening.__aenter__()
    asking = asyncio.create_task(run(hook, "Stop"))
    await began.wait()
    ending = asyncio.create_task(listening.__aexit__())
    assert listening._accepting is not None
    await asyncio.wait([listening._accepting])
    for _ in range(10):
        # Whatever the end does to calls, it has done it then.
        await asyncio.sleep(0)
    assert not ending.done()
    go_on.set()
    assert await asking == {"systemMessage": "news"}
    await ending
