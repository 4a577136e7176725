"""What a terminal's hooks do, with the real hook program, a whole daemon and a real service."""

from __future__ import annotations

import asyncio
import math
import os
from pathlib import Path

import pytest

from coordination.daemon import words
from coordination.daemon.hook_call import HookCall
from coordination.daemon.routes import Routes
from coordination.repository.terminal import started_at
from tests.integration.cli.running import Running
from tests.integration.daemon.developer import Developer, context, developer, refused, until
from tests.integration.daemon.hook import Hook, decision
from tests.integration.store.steps import leases


async def test_who_begins_is_told_who_is_here_and_what_they_hold(alice: Developer) -> None:
    first, second = await alice.terminal(), await alice.terminal()
    said = await first.say("SessionStart", source="startup")
    assert '"alice/impl_a"' in context(said)
    assert f'"{alice.session}"' in context(said)
    assert "0 other agents" in context(said)
    await first.edited("a.py", "a = 2\n")
    said = await second.say("SessionStart", source="startup")
    assert 'you are "alice/impl_b"' in context(said)
    assert '- "alice/impl_a": active, holds "a.py"' in context(said)
    # A daemon of these tests has no port, and nothing else is wrong.
    assert said["systemMessage"] == words.no_tools()
    assert [one["agent"] for one in alice.journal("agent.joined")] == ["alice/impl_a", "alice/impl_b"]


@pytest.mark.parametrize("source", ["resume", "clear", "compact"])
async def test_whoever_goes_on_keeps_its_name_and_is_told_again(alice: Developer, source: str) -> None:
    first = await alice.begun()
    if source == "clear":
        assert await first.say("SessionEnd", reason="clear") == {}
        first.claude_session = "another"
    if source == "resume":
        assert await first.say("SessionEnd", reason="prompt_input_exit") == {}
        await first.die()
        first, before = await alice.terminal(), first
        first.claude_session = before.claude_session
    if source == "compact":
        assert await first.say("PreCompact") == {}
    said = await first.say("SessionStart", source=source)
    assert 'you are "alice/impl_a"' in context(said)
    assert "0 other agents" in context(said)


async def test_a_conversation_that_was_cleared_is_resumed_under_the_same_name(alice: Developer) -> None:
    first, _ = await alice.begun(), await alice.begun()
    first.claude_session = "after clear"
    await first.say("SessionStart", source="clear")
    await first.say("SessionEnd", reason="other")
    await first.die()
    third, resumed = await alice.begun(), await alice.terminal()
    assert alice.known(third).agents[alice.session, None].name == "impl_a"
    await third.say("SessionEnd", reason="other")
    await third.die()
    resumed.claude_session = "after clear"
    assert 'you are "alice/impl_a"' in context(await resumed.say("SessionStart", source="resume"))


@pytest.mark.parametrize("slow", [False, True])
async def test_a_conversation_whose_tools_connect_first_gets_its_name_back(
    service: Running, alice: Developer, slow: bool
) -> None:
    """Claude Code says which conversation it resumes once it is connected, or while it is being joined."""
    first, second = await alice.begun(), await alice.begun()
    await second.say("SessionEnd", reason="other")
    await second.die()
    await first.say("SessionEnd", reason="other")
    await first.die()
    resumed = await alice.terminal()
    routes = Routes(alice.daemon._link, alice.daemon._terminals, alice.daemon._membership)
    key = f"{resumed.pid}-{started_at(resumed.pid)}"
    connecting = asyncio.create_task(routes.route(key, None))
    if not slow:
        route = await connecting
        assert route is not None
        assert route.agent == "impl_a"
    resumed.claude_session = second.claude_session
    assert 'you are "alice/impl_b"' in context(await resumed.say("SessionStart", source="resume"))
    await connecting
    route = await routes.route(key, None)
    assert route is not None
    assert route.agent == "impl_b"
    await alice.daemon._membership.close()
    status = await alice.status(service)
    assert [one.agent_id for one in status.agents if one.presence == "active"] == ["alice/impl_b"]
    # And so it is the next time.
    await resumed.say("SessionEnd", reason="other")
    await resumed.die()
    again = await alice.terminal()
    again.claude_session = second.claude_session
    assert 'you are "alice/impl_b"' in context(await again.say("SessionStart", source="resume"))


async def test_a_name_that_another_terminal_has_is_not_taken_from_it(alice: Developer) -> None:
    first = await alice.begun()
    resumed = await alice.terminal()
    routes = Routes(alice.daemon._link, alice.daemon._terminals, alice.daemon._membership)
    await routes.route(f"{resumed.pid}-{started_at(resumed.pid)}", None)
    resumed.claude_session = first.claude_session
    assert 'you are "alice/impl_b"' in context(await resumed.say("SessionStart", source="resume"))


async def test_a_terminal_whose_hooks_do_not_come_is_told_and_listed(
    alice: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordination.daemon.routes.NO_HOOK_SECONDS", 0.0)
    monkeypatch.setattr("coordination.daemon.routes.HOOK_SECONDS", 0.0)
    bare = await alice.terminal()
    daemon = alice.daemon
    routes = Routes(daemon._link, daemon._terminals, daemon._membership, daemon._unheard)
    key = f"{bare.pid}-{started_at(bare.pid)}"
    assert await routes.route(key, None) is not None
    await routes.conversation(key)
    await until(lambda: alice.journal("terminal.unprotected"))
    assert not routes.is_protected(key)
    assert daemon._status.summary()["unprotected"] == [{"terminal": key, "folder": str(bare.folder)}]
    # A hook that comes late ends it.
    await bare.say("UserPromptSubmit", prompt="go")
    assert routes.is_protected(key)
    assert daemon._status.summary()["unprotected"] == []


async def test_a_terminal_from_before_the_daemon_is_not_called_unprotected_before_it_works(
    alice: Developer,
) -> None:
    """Its first hook came to nobody; that its hooks are switched off shows when it calls a tool without one."""
    daemon = alice.daemon
    routes = Routes(daemon._link, daemon._terminals, daemon._membership, daemon._unheard, lambda: math.inf)
    listens, works = await alice.terminal(), await alice.terminal()
    keys = [f"{one.pid}-{started_at(one.pid)}" for one in (listens, works)]
    for key in keys:
        assert await routes.route(key, None) is not None
        await routes.conversation(key)
    summary = daemon._status.summary()
    assert summary["unprotected"] == []
    assert [one["terminal"] for one in summary["unheard"]] == keys
    assert [one["protected"] for one in (await daemon._status.read({}))["terminals"]] == [None, None]

    assert await routes.route(keys[1], "toolu_1") is not None
    assert not routes.is_protected(keys[1])
    (noted,) = alice.journal("terminal.unprotected")
    assert noted["terminal"] == keys[1]
    summary = daemon._status.summary()
    assert [one["terminal"] for one in summary["unprotected"]] == keys[1:]
    assert [one["terminal"] for one in summary["unheard"]] == keys[:1]

    await listens.say("UserPromptSubmit", prompt="go")
    assert routes.is_protected(keys[0])
    assert daemon._status.summary()["unheard"] == []


async def test_the_end_of_a_conversation_frees_all_but_clear_does_not(
    service: Running, alice: Developer
) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    assert await first.say("SessionEnd", reason="clear") == {}
    assert await leases(service.core.database, alice.session) == [("alice/impl_a", "a.py", "write")]
    assert await first.say("SessionEnd", reason="prompt_input_exit") == {}
    assert await leases(service.core.database, alice.session) == []
    assert alice.pids() == []
    (left,) = alice.journal("agent.left")
    assert (left["agent"], left["why"]) == ("alice/impl_a", "left")


async def test_an_end_is_not_held_up_by_a_service_that_hangs(
    service: Running, alice: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    monkeypatch.setattr("coordination.daemon.membership.HAND_BACK_SECONDS", 0.05)
    reached, go = asyncio.Event(), asyncio.Event()
    leave = alice.daemon._leases.leave

    async def slow(*given: object) -> None:
        reached.set()
        await go.wait()
        await leave(*given)  # pyright: ignore[reportArgumentType]  as it was called

    monkeypatch.setattr(alice.daemon._leases, "leave", slow)
    assert await first.say("SessionEnd", reason="other") == {}
    assert reached.is_set()
    go.set()
    await until(lambda: alice.journal("agent.left"))
    assert await leases(service.core.database, alice.session) == []


async def test_half_a_character_in_what_is_written_lets_no_edit_pass(alice: Developer) -> None:
    """A model may write one, and Claude Code passes it on as it is."""
    first, second = await alice.begun(), await alice.begun()
    await first.edited("a.py", "a = 2\n")
    about = {"file_path": str(alice.tree.top / "a.py"), "content": "half \ud83d"}
    said = await second.say("PreToolUse", tool_name="Write", tool_input=about)
    assert '"alice/impl_a"' in refused(said)


async def test_an_edit_of_which_nothing_can_be_told_is_answered_by_the_policy(alice: Developer) -> None:
    first = await alice.begun()
    hook = ["PreToolUse", "edit"]
    assert "NOT PROTECTED" in context(await asyncio.to_thread(alice.hook.run, *hook, given=b'{"tool_name":'))
    await first.say("SessionEnd", reason="other")


async def test_while_the_service_starts_that_is_said(
    service: Running, folder: Path, hook: Hook, tmp_path: Path
) -> None:
    async with developer(service, folder, tmp_path, hook) as alice:
        alice.found, alice.start = lambda: None, lambda: None
        await alice.begin(reachable=False)
        first = await alice.terminal()
        said = await first.say("SessionStart", source="startup")
        assert "starting, unprotected" in context(said)
        assert "starting, unprotected" in said["systemMessage"]


async def test_while_the_service_is_away_nobody_believes_to_be_protected(alice: Developer) -> None:
    await alice.gate.shut()
    first = await alice.terminal()
    said = await first.say("SessionStart", source="startup")
    assert "NOT PROTECTED" in context(said)
    assert "NOT PROTECTED" in said["systemMessage"]
    said = await first.edit("a.py")
    assert "NOT PROTECTED" in context(said)
    (noted,) = alice.journal("edit.unprotected")
    assert noted["path"] == str(first.folder / "a.py")
    alice.policy.write_text("* block\n")
    assert decision({**await first.edit("a.py"), "systemMessage": "coordination: "}) == "deny"
    (noted,) = alice.journal("edit.refused")
    assert "policy" in str(noted["why"])


async def test_a_file_that_another_holds_is_refused_and_told_when_it_is_free(alice: Developer) -> None:
    first, second = await alice.begun(), await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await second.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    assert '"alice/impl_a"' in refused(await second.edit("a.py"))
    assert [one["path"] for one in alice.journal("edit.refused")] == [str(second.folder / "a.py")]
    alice.tree.git("checkout", "--", "a.py")
    assert await first.say("Stop") == {}
    await until(lambda: alice.notices()["impl_b"])
    said = context(await second.say("PostToolUse", tool_name="Bash"))
    assert '"a.py" is free now' in said
    assert await second.say("PostToolUse", tool_name="Bash") == {}


async def test_what_a_turn_left_clean_is_given_back_at_its_end(
    service: Running, alice: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordination.daemon.lease_table.TICK_SECONDS", 3600.0)
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    await first.edited("b.py", "b = 2\n")
    alice.tree.git("checkout", "--", "a.py")
    await first.say("Stop")
    table = alice.daemon._leases
    mine = alice.known(first).agents[alice.session, None]
    await until(lambda: [path for _, path in table.automatic(mine)] == ["b.py"])


async def test_compaction_in_the_middle_of_a_turn_does_not_end_it(alice: Developer) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.say("PreCompact", trigger="auto")
    await first.say("SessionStart", source="compact")
    assert None in alice.known(first).working
    await first.say("SessionStart", source="clear")
    assert None not in alice.known(first).working


async def test_whoever_runs_the_program_by_hand_is_no_terminal(alice: Developer) -> None:
    reply = await alice.daemon._hooks.answer(HookCall("Stop", {}, os.getpid() * 1000 + 4_000_000, {}))
    assert reply.output == b"{}"
    assert alice.pids() == []
