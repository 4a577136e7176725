"""What hooks of subagents do: whose calls and files are theirs, and what becomes of them."""

from __future__ import annotations

import asyncio

from tests.integration.cli.running import Running
from tests.integration.daemon.developer import Developer, refused
from tests.integration.store.steps import leases

OURS = "mcp__plugin_coord_coordination__claim_file_lock"
SUBAGENT = {"agent_id": "a17", "agent_type": "Explore"}


async def test_a_call_of_a_subagent_is_known_even_when_it_cannot_join(alice: Developer) -> None:
    first = await alice.begun()
    await alice.gate.shut()
    said = await first.say("PreToolUse", tool_name=OURS, tool_use_id="toolu_1", **SUBAGENT)
    assert said == {}
    assert alice.known(first).calls == {"toolu_1": "a17"}
    await alice.gate.open()
    await alice.begin_again()
    await first.say("PreToolUse", tool_name=OURS, tool_use_id="toolu_2", **SUBAGENT)
    assert alice.known(first).agents[alice.session, "a17"].name == "impl_a.explore-1"
    await first.say("PreToolUse", tool_name=OURS, tool_use_id="toolu_3")
    assert alice.known(first).calls == {"toolu_1": "a17", "toolu_2": "a17"}
    await first.say("SubagentStop", **SUBAGENT)
    assert alice.known(first).calls == {}


async def test_what_a_subagent_wrote_is_its_terminals_when_it_ends(
    service: Running, alice: Developer
) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.say("SubagentStart", **SUBAGENT)
    await first.edited("a.py", "a = 2\n", **SUBAGENT)
    assert await leases(service.core.database, alice.session) == [("alice/impl_a.explore-1", "a.py", "write")]
    assert await first.say("SubagentStop", **SUBAGENT) == {}
    assert await leases(service.core.database, alice.session) == [("alice/impl_a", "a.py", "write")]
    terminal = alice.known(first)
    assert (terminal.subagents, terminal.working) == ({}, {None})
    assert [one["agent"] for one in alice.journal("agent.left")] == ["alice/impl_a.explore-1"]


async def test_a_subagent_of_which_nobody_heard_may_stop(alice: Developer) -> None:
    first = await alice.begun()
    assert await first.say("SubagentStop", agent_id="acompact-9", agent_type="") == {}
    assert list(alice.known(first).agents) == [(alice.session, None)]


async def test_a_subagent_and_its_terminal_act_at_once(service: Running, alice: Developer) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    mine, theirs = await asyncio.gather(first.edit("a.py"), first.edit("b.py", **SUBAGENT))
    assert (mine, theirs) == ({}, {})
    assert await leases(service.core.database, alice.session) == [
        ("alice/impl_a", "a.py", "write"),
        ("alice/impl_a.explore-1", "b.py", "write"),
    ]


async def test_a_tool_that_failed_beside_an_edit_does_not_end_the_edit(alice: Developer) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    assert await first.edit("a.py") == {}
    await first.say("PostToolUseFailure", tool_name="Bash")
    # It writes there still, so its subagent does not take the file over.
    assert "your parent" in refused(await first.edit("a.py", **SUBAGENT))
    await first.say("PostToolUseFailure", tool_name="Write")
    assert await first.edit("a.py", **SUBAGENT) == {}


async def test_the_files_of_subagents_that_were_interrupted_are_the_terminals(
    service: Running, alice: Developer
) -> None:
    """Claude Code runs no hook when a person interrupts a turn, for a subagent in it neither."""
    first, second = await alice.begun(), await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n", **SUBAGENT)
    assert await first.edit("b.py", **SUBAGENT) == {}
    assert "your subagent" in refused(await first.edit("a.py"))
    await first.say("UserPromptSubmit", prompt="not like that")
    assert refused(await second.edit("a.py"))
    await first.edited("a.py", "a = 3\n")
    assert await first.edit("b.py") == {}
    assert await leases(service.core.database, alice.session) == [
        ("alice/impl_a", "a.py", "write"),
        ("alice/impl_a", "b.py", "write"),
    ]
    # One that goes on in the background is at work again, and sees what was written meanwhile.
    assert "changed since you read it" in refused(await first.edit("a.py", **SUBAGENT))
    assert "your subagent" in refused(await first.edit("a.py"))


async def test_what_a_subagent_claimed_itself_is_not_taken_over(alice: Developer) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("b.py", "b = 2\n", **SUBAGENT)
    theirs = alice.known(first).agents[alice.session, "a17"]
    assert await asyncio.to_thread(alice.claim, theirs, ["a.py"], 0) == ["a.py"]
    await first.say("UserPromptSubmit", prompt="not like that")
    assert "your subagent" in refused(await first.edit("a.py"))
    # A prompt after a whole turn says nothing of those that work in the background.
    await first.edited("b.py", "b = 3\n")
    await first.say("Stop")
    assert await first.edit("a.py", **SUBAGENT) == {}
    await first.say("UserPromptSubmit", prompt="go on")
    assert alice.known(first).working == {None, "a17"}
