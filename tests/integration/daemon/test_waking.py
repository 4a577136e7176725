"""A terminal that is idle is woken by its own socket when there is news for it: once, and by nobody else's words."""

from __future__ import annotations

import asyncio

import pytest

from coordination.daemon import waking, words
from tests.integration.daemon.developer import LIMIT_SECONDS, Developer, Typed, until

WOKEN = [
    {"type": "auth", "token": "a-token"},
    {"type": "user", "message": {"role": "user", "content": words.WAITING}},
]


async def listening(alice: Developer) -> Typed:
    """A terminal that is idle and takes messages."""
    first = await alice.terminal()
    await first.listen(alice.folder.path / "mailbox")
    await first.say("SessionStart", source="startup")
    return first


def tell(alice: Developer, terminal: Typed, text: str) -> None:
    alice.daemon._notices.tell(alice.known(terminal).agents[alice.session, None], text)


async def message(terminal: Typed) -> object:
    return await asyncio.wait_for(terminal.messages.get(), LIMIT_SECONDS)


async def quiet(alice: Developer) -> None:
    """Return once nobody is being woken."""
    await until(lambda: not alice.daemon._waking._waking)


async def test_of_several_notices_one_line_is_made_until_the_terminal_did_something(alice: Developer) -> None:
    first = await listening(alice)
    tell(alice, first, "one")
    tell(alice, first, "two")
    assert await message(first) == WOKEN
    await quiet(alice)
    tell(alice, first, "three")
    await quiet(alice)
    assert first.messages.empty()
    await first.say("UserPromptSubmit", prompt="the message")
    await until(lambda: alice.notices()["impl_a"] == [])
    await first.say("Stop")
    tell(alice, first, "four")
    assert await message(first) == WOKEN
    assert first.messages.empty()


async def test_who_did_nothing_is_woken_again_after_a_while(
    alice: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "AGAIN_SECONDS", 0.0)
    first = await listening(alice)
    for text in ("one", "two"):
        tell(alice, first, text)
        assert await message(first) == WOKEN
        await quiet(alice)


async def test_who_is_in_a_turn_is_not_woken(alice: Developer) -> None:
    first = await listening(alice)
    await first.say("UserPromptSubmit", prompt="go")
    tell(alice, first, "one")
    assert alice.daemon._waking._waking == {}


async def test_who_was_told_meanwhile_is_not_woken(alice: Developer) -> None:
    first = await listening(alice)
    mine = alice.known(first).agents[alice.session, None]
    tell(alice, first, "one")
    alice.daemon._notices.told(mine, alice.daemon._notices.due(mine))
    await quiet(alice)
    assert alice.daemon._waking._woken == {}


async def test_a_subagent_and_a_terminal_without_a_socket_are_not_woken(alice: Developer) -> None:
    first = await listening(alice)
    await first.edited("b.py", "b = 2\n", agent_id="a17", agent_type="Explore")
    alice.daemon._notices.tell(alice.known(first).agents[alice.session, "a17"], "one")
    second = await alice.begun()
    tell(alice, second, "two")
    assert alice.daemon._waking._waking == {}


async def test_at_the_end_nobody_is_woken_any_more(alice: Developer) -> None:
    first = await listening(alice)
    tell(alice, first, "one")
    await alice.end()
    assert first.messages.empty()
