"""The whole daemon begins, ends, is killed and comes back, and so does the service behind it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from coordination.app import port as ports
from coordination.daemon import hook_socket
from coordination.daemon.connection import Found
from coordination.daemon.lease import Kind
from tests.integration.app.proxy import Gate
from tests.integration.cli.running import Running
from tests.integration.daemon import daemon_program
from tests.integration.daemon.developer import Developer, Typed, context, developer, until
from tests.integration.daemon.hook import Hook
from tests.integration.store.steps import leases
from tests.unit.architecture.sources import ROOT

SUBAGENT = {"agent_id": "a17", "agent_type": "Explore"}


async def held(service: Running, alice: Developer) -> list[tuple[str, str, str]]:
    return await leases(service.core.database, alice.session)


@asynccontextmanager
async def apart(alice: Developer) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The daemon as a process of its own, that takes hooks."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", daemon_program.__name__),
        *(str(alice.folder.path), alice.gate.url, str(alice.policy)),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(lambda: alice.folder.socket.exists() or program.returncode is not None)
        assert program.returncode is None
        yield program
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()


@pytest.fixture
async def idle(service: Running, folder: Path, hook: Hook, tmp_path: Path) -> AsyncGenerator[Developer]:
    """A developer whose daemon does not run."""
    async with developer(service, folder, tmp_path, hook) as found:
        yield found


async def at_work(alice: Developer) -> Typed:
    """A terminal in a turn, that wrote a file and claimed another one by itself."""
    first = await alice.terminal()
    # The service may not be looked for yet.
    while "you are" not in context(await first.say("SessionStart", source="startup")):
        pass
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    return first


async def test_after_a_kill_the_living_keep_all_and_the_dead_leave(service: Running, idle: Developer) -> None:
    async with apart(idle) as program:
        first, second = await at_work(idle), await idle.terminal()
        await second.say("SessionStart", source="startup")
        await second.say("UserPromptSubmit", prompt="go")
        await second.edited("b.py", "b = 2\n")
        await second.edited("c.py", "c = 2\n", **SUBAGENT)
        program.kill()
        await program.wait()
    assert [path for _, path, _ in await held(service, idle)] == ["a.py", "b.py", "c.py"]
    await second.die()
    idle.folder.socket.unlink()
    await idle.begin()
    await until(lambda: len(idle.journal("agent.left")) == 2)
    assert await held(service, idle) == [("alice/impl_a", "a.py", "write")]
    await until(idle.daemon._terminals.agents)
    (mine,) = idle.daemon._terminals.agents()
    assert (mine.name, idle.known(first).claude_session) == ("impl_a", first.claude_session)
    await until(lambda: "a.py" in [path for _, path in idle.daemon._leases.automatic(mine)])
    book = idle.daemon._leases._core.book
    assert [own.kind for own in book.held.values()] == [Kind.AUTOMATIC]
    assert await first.edit("a.py") == {}
    # The name of the dead is free, for its own conversation and for others.
    assert 'you are "alice/impl_b"' in context(await (await idle.terminal()).say("SessionStart"))


async def test_its_end_gives_back_what_was_claimed_for_edits_and_nothing_else(
    service: Running, idle: Developer
) -> None:
    async with apart(idle) as program:
        await at_work(idle)
        assert await asyncio.to_thread(idle.claim, idle.who("impl_a"), ["b.py"], 0) == ["b.py"]
        program.send_signal(signal.SIGTERM)
        assert await program.wait() == 0
    assert await held(service, idle) == [("alice/impl_a", "b.py", "write")]


async def test_a_terminal_that_works_in_two_sessions_is_restored_in_both(
    service: Running, alice: Developer, tmp_path: Path
) -> None:
    first = await alice.begun()
    other = tmp_path / "plain"
    other.mkdir()
    await first.say("PreToolUse", tool_name="Write", tool_input={"file_path": "x"}, cwd=str(other))
    terminal = alice.known(first)
    await alice.daemon._terminals.agent(terminal, other)
    sessions = {session for session, _ in terminal.agents}
    assert len(sessions) == 2
    await alice.end()
    await alice.begin()
    await until(lambda: {session for session, _ in alice.known(first).agents} == sessions)


async def test_the_service_is_cut_off_and_comes_back(service: Running, alice: Developer) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    await until(lambda: alice.daemon._following.is_current(alice.session))
    await alice.gate.shut()
    # What is held is trusted for a while; nobody can say anything about another file.
    assert "NOT PROTECTED" in context(await first.edit("b.py"))
    assert await first.edit("a.py") == {}
    await alice.gate.open()
    await alice.begin_again()
    assert await first.edit("b.py") == {}
    states = [one["state"] for one in alice.journal("service.became")]
    assert states == ["reachable", "away", "reachable"]


async def test_a_service_on_another_port_is_the_same_one(service: Running, alice: Developer) -> None:
    first = await alice.begun()
    async with Gate() as other:
        other.behind = alice.gate.behind
        await other.open()
        await alice.gate.shut()
        url = other.url
        alice.daemon._link._find = lambda: Found(url, None, None, "alice")
        await first.say("UserPromptSubmit", prompt="go")
        await until(lambda: alice.daemon._link.service is not None and alice.looked(url))
        assert await first.edit("a.py") == {}
        assert await held(service, alice) == [("alice/impl_a", "a.py", "write")]
        await alice.end()


async def test_a_service_that_forgot_everybody_is_told_who_is_here(
    service: Running, alice: Developer
) -> None:
    await alice.begun()
    await alice.gate.shut()
    await until(alice.missed)
    await service.core.database.fetch("DELETE FROM claude_code_sessions")
    await alice.gate.open()
    await alice.begin_again()

    async with asyncio.timeout(40):
        while not await service.core.database.fetch("SELECT 1 FROM claude_code_agents"):  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.005)


async def test_a_part_that_ends_ends_the_daemon_and_the_log_says_why(
    idle: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = await idle.begin()

    async def fail() -> None:
        raise RuntimeError("of this test")

    monkeypatch.setattr(daemon._presence, "say", fail)
    serving = idle._serving
    assert serving is not None
    with capture_logs() as logged:
        daemon._presence.soon()
        with pytest.raises(RuntimeError, match="of this test"):
            await serving
    assert [one["event"] for one in logged][-2:] == ["daemon_failed", "daemon_stopped"]
    assert not idle.folder.socket.exists()
    assert daemon._link._closed
    idle._serving = None


async def test_hooks_that_are_under_way_at_the_end_are_answered(alice: Developer) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    terminal = alice.known(first)
    await terminal.joining.acquire()
    saying = asyncio.create_task(first.edit("b.py", **SUBAGENT))
    await until(lambda: "a17" in terminal.working)
    ending = asyncio.create_task(alice.end())
    await until(lambda: not alice.folder.socket.exists())
    terminal.joining.release()
    assert await saying == {}
    await ending


async def test_it_ends_though_the_service_hangs(
    service: Running, alice: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    monkeypatch.setattr("coordination.daemon.daemon.GIVE_BACK_SECONDS", 0.05)

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(alice.daemon._leases, "release", hang)
    with capture_logs() as logged:
        await alice.end()
    assert "leases_not_given_back" in [one["event"] for one in logged]


async def test_a_terminal_gets_the_token_only_while_the_port_is_the_daemons_own(idle: Developer) -> None:
    """Whoever has the port would get it."""
    with capture_logs() as told:
        await idle.begin()
        first = await idle.terminal()
        assert await first.say("headers") == {}
    assert [one["why"] for one in told if one["event"] == "headers_not_given"] == ["no port here"]
    begun = await first.say("SessionStart", source="startup")
    assert "you are" in context(begun)
    assert "tools of coordination do not work" in context(begun)
    assert "tools of coordination do not work" in begun["systemMessage"]
    await idle.end()
    idle.listen = lambda: ports.listen("127.0.0.1", 0)
    await idle.begin()
    assert (await first.say("headers"))["Authorization"].startswith("Bearer ")
    assert "tools of coordination" not in context(await first.say("SessionStart", source="startup"))


async def test_a_daemon_whose_folder_goes_away_ends_and_leaves_the_next_one_alone(
    service: Running, idle: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_socket, "LOOK_SECONDS", 0.02)
    await idle.begin()
    first = await idle.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    idle.folder.path.rename(idle.folder.path.with_name("moved"))
    idle.folder.prepare()
    idle.folder.socket.touch()
    assert idle._serving is not None
    await asyncio.wait_for(idle._serving, 30)
    assert idle.folder.socket.exists()
    assert await held(service, idle) == []
