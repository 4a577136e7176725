"""Who is here: terminals that end, stop, come back and change their names' places, and what becomes of their files."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from coordination.daemon.connection import Found, ServiceAway
from coordination.daemon.hook_call import HookCall
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.presence import AT_ONCE
from coordination.daemon.state_file import StateUnusable
from coordination.services import task as tasks
from tests.integration.cli.running import Running
from tests.integration.daemon.developer import LIMIT_SECONDS, Developer, context, until
from tests.integration.store.steps import agent, fall_silent, leases

SUBAGENT = {"agent_id": "a17", "agent_type": "Explore"}


async def held(service: Running, alice: Developer) -> list[tuple[str, str, str]]:
    return await leases(service.core.database, alice.session)


async def test_what_a_killed_terminal_held_is_free_and_whoever_waits_has_it(
    service: Running, alice: Developer
) -> None:
    first, second = await alice.begun(), await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    await first.edited("b.py", "b = 2\n", **SUBAGENT)
    waiting = asyncio.create_task(
        asyncio.to_thread(
            alice.claim, alice.known(second).agents[alice.session, None], ["a.py"], LIMIT_SECONDS
        )
    )
    await alice.queued(service, 1)
    await first.die()
    assert await waiting == ["a.py"]
    await until(lambda: len(alice.journal("agent.left")) == 2)
    assert await held(service, alice) == [("alice/impl_b", "a.py", "write")]
    assert [(one["agent"], one["why"]) for one in alice.journal("agent.left")] == [
        ("alice/impl_a.explore-1", "ended"),
        ("alice/impl_a", "ended"),
    ]
    assert alice.pids() == [second.pid]


async def test_what_a_killed_terminal_held_is_free_though_the_disk_is_full(
    service: Running, alice: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StateUnusable("the disk is full")

    monkeypatch.setattr(alice.daemon._state._file, "write", full)
    first, second = await alice.begun(), await alice.begun()
    for one, name in ((first, "a.py"), (second, "b.py")):
        await one.say("UserPromptSubmit", prompt="go")
        await one.edited(name, "a = 2\n")
    await first.die()
    await second.say("SessionEnd", reason="exit")
    await until(lambda: len(alice.journal("agent.left")) == 2)
    assert await held(service, alice) == []


async def test_a_terminal_that_is_stopped_is_not_dead(service: Running, alice: Developer) -> None:
    first, second = await alice.begun(), await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    first.stop()
    # What the other one's end brings about comes after whatever the stop would have.
    await second.die()
    await until(lambda: alice.journal("agent.left"))
    assert alice.pids() == [first.pid]
    assert await held(service, alice) == [("alice/impl_a", "a.py", "write")]
    first.go_on()
    assert await first.edit("a.py") == {}


async def test_a_terminal_that_ends_while_it_joins_leaves_again(service: Running, alice: Developer) -> None:
    first = await alice.terminal()
    await first.say("Stop")
    terminal, membership = alice.known(first), alice.daemon._membership
    await terminal.joining.acquire()
    joining = asyncio.create_task(alice.daemon._terminals.agent(terminal, first.folder))
    await first.die()
    await until(lambda: alice.pids() == [])
    terminal.joining.release()
    with pytest.raises(ServiceAway, match="has ended"):
        await joining
    await membership.close()
    assert list(alice.daemon._leases._core.book.agents) == []
    status = await alice.status(service)
    assert [one.agent_id for one in status.agents if one.presence == "active"] == []


async def test_a_subagent_that_ends_while_it_joins_leaves_again(alice: Developer) -> None:
    first = await alice.begun()
    terminal, membership = alice.known(first), alice.daemon._membership
    await terminal.joining.acquire()
    joining = asyncio.create_task(alice.daemon._terminals.agent(terminal, first.folder, "a17"))
    await asyncio.sleep(0)
    ending = asyncio.create_task(membership.subagent_ended(terminal, "a17"))
    await asyncio.sleep(0)
    terminal.joining.release()
    await joining
    await ending
    await membership.close()
    assert list(terminal.agents) == [(alice.session, None)]


async def test_of_two_terminals_of_one_name_each_keeps_what_it_holds(
    service: Running, alice: Developer
) -> None:
    first, second = await alice.terminal(), await alice.terminal()
    for one in (first, second):
        one.environment["COORD_AGENT"] = "backend"
        await one.say("SessionStart", source="startup")
    await second.say("UserPromptSubmit", prompt="go")
    await second.edited("a.py", "a = 2\n")
    await first.die()
    await until(lambda: alice.pids() == [second.pid])
    await alice.daemon._membership.close()
    mine = alice.known(second).agents[alice.session, None]
    assert alice.daemon._leases.automatic(mine)
    assert await held(service, alice) == [("alice/impl_a", "a.py", "write")]
    assert [one["agent"] for one in alice.journal("agent.left")] == ["alice/backend"]


async def test_a_quiet_terminal_stays_and_a_subagent_that_ended_does_not(
    service: Running, alice: Developer
) -> None:
    first = await alice.begun()
    await first.edited("b.py", "b = 2\n", **SUBAGENT)
    await first.say("SubagentStop", **SUBAGENT)
    await fall_silent(service.core.database, agent("impl_a", session=alice.session))
    await alice.daemon._presence.say()
    status = await alice.status(service)
    assert [one.agent_id for one in status.agents if one.presence == "active"] == ["alice/impl_a"]


async def test_once_nobody_answers_presence_is_not_said_for_the_others(
    alice: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await alice.begun()
    (mine,) = alice.daemon._terminals.agents()
    (terminal,) = alice.daemon._terminals
    for number in range(20):
        terminal.agents[f"s{number}", None] = replace(mine, session=f"s{number}")
    asked: list[str] = []
    say_of, turn = alice.daemon._presence._say_of, asyncio.Lock()

    async def counted(one: LocalAgent) -> None:
        asked.append(one.session)
        async with turn:
            # Not before somebody is asked: the stream of events may tell sooner that nobody answers.
            await alice.gate.shut()
        await say_of(one)

    monkeypatch.setattr(alice.daemon._presence, "_say_of", counted)
    await alice.daemon._presence.say()
    assert len(asked) == AT_ONCE


async def test_work_beside_the_hooks_that_fails_is_logged(
    alice: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await alice.begun()

    async def fail(*_: object) -> None:
        raise RuntimeError("of this test")

    monkeypatch.setattr(alice.daemon._leases, "leave", fail)
    with capture_logs() as logged:
        await first.die()
        await until(lambda: [one for one in logged if one["event"] == "daemon_work_failed"])


async def test_where_a_terminal_was_started_counts_and_not_where_its_process_is(
    alice: Developer, tmp_path: Path
) -> None:
    first = await alice.terminal(folder=tmp_path)
    first.environment["CLAUDE_PROJECT_DIR"] = str(alice.tree.top)
    await first.say("SessionStart", source="startup")
    assert alice.known(first).home == alice.tree.top


async def test_what_a_hook_says_of_its_environment_counts_and_nothing_older(
    alice: Developer, tmp_path: Path
) -> None:
    first = await alice.begun()
    first.environment["CLAUDE_CODE_MESSAGING_SOCKET"] = str(tmp_path / "old")
    await first.say("Stop")
    assert alice.known(first).facts["CLAUDE_CODE_MESSAGING_SOCKET"] == str(tmp_path / "old")
    del first.environment["CLAUDE_CODE_MESSAGING_SOCKET"]
    await first.say("headers")
    assert "CLAUDE_CODE_MESSAGING_SOCKET" in alice.known(first).facts
    await first.say("Stop")
    assert "CLAUDE_CODE_MESSAGING_SOCKET" not in alice.known(first).facts


async def test_a_clock_that_was_set_makes_no_second_terminal(alice: Developer) -> None:
    first = await alice.begun()
    terminal = alice.known(first)
    later = f"{float(terminal.key.started) + 1:.2f}"
    assert alice.daemon._membership.returned(f"{first.pid}-{later}") is terminal
    assert alice.pids() == [first.pid]


@pytest.mark.parametrize(
    "key", ["", "1", "-", "x-1.00", "²-1.00", "1-nan", "1-x", "0-0.00", "999999999-1.00"]
)
async def test_what_names_no_living_process_is_no_terminal(alice: Developer, key: str) -> None:
    assert alice.daemon._membership.returned(key) is None


async def test_of_those_who_are_gone_nothing_is_kept(service: Running, alice: Developer) -> None:
    first = await alice.begun()
    await first.edited("b.py", "b = 2\n", **SUBAGENT)
    gone = [*alice.known(first).agents.values()]
    await tasks.send_message(service.core, "local", alice.session, "bob", "hello", None)
    await until(lambda: all(alice.notices().values()))
    await first.die()
    await until(lambda: len(alice.journal("agent.left")) == 2)
    daemon = alice.daemon
    daemon._lost(gone[0], ("a.py",), "too late")
    daemon._notices.tell(gone[0], "too late")
    await alice.begun()
    assert not set(gone) & set(daemon._notices._notices)
    assert daemon._news._wanted == {}
    assert not set(gone) & set(daemon._leases._core.book.agents.values())
    assert alice.daemon._state.terminals()[0].key.pid != first.pid


async def test_a_hook_of_nobody_is_not_answered_for_anybody(alice: Developer) -> None:
    assert await alice.daemon._membership.terminal_of(HookCall("Stop", {}, 0, {})) is None
    assert alice.daemon._membership.returned(str(TerminalKey(0, "1.00"))) is None


async def test_outside_of_git_terminals_of_one_folder_are_together(alice: Developer, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    await alice.begun(folder=tmp_path / "plain")
    second = await alice.terminal(folder=tmp_path / "plain")
    assert '"alice/impl_a"' in context(await second.say("SessionStart", source="startup"))
    await alice.daemon._membership.close()


async def test_who_logs_in_as_somebody_else_goes_on_with_what_is_unfinished(
    service: Running, alice: Developer
) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    await first.edited("b.py", "b = 2\n", **SUBAGENT)
    daemon, url = alice.daemon, alice.gate.url
    daemon._link._find = lambda: Found(url, None, None, "bob")
    daemon._link.look_now()
    await until(lambda: len(alice.journal("agent.left")) == 2)
    assert await held(service, alice) == [
        ("bob/impl_a", "a.py", "write"),
        ("bob/impl_a", "b.py", "write"),
    ]
    assert await first.edit("b.py", **SUBAGENT) == {}
    assert await first.edit("a.py") == {}
    status = await alice.status(service)
    active = [one.agent_id for one in status.agents if one.presence == "active"]
    assert active == ["bob/impl_a", "bob/impl_a.explore-1"]
