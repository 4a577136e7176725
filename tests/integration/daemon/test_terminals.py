"""Under which names terminals and subagents are in which sessions, beside a real service."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from coordination.client.errors import RequestRefused
from coordination.daemon import terminals
from coordination.daemon.connection import ServiceAway
from coordination.daemon.routes import Routes
from coordination.daemon.state_file import StateUnusable
from coordination.daemon.terminals import Chosen
from coordination.domain.errors import RetryLater
from coordination.repository.checkout import describe_checkout
from coordination.repository.identity import session_of
from coordination.services import agent as agents
from tests.integration.cli.running import Running
from tests.integration.daemon.desk import Desk, desk
from tests.integration.repository.tree import Tree, make_tree
from tests.integration.store.steps import agent


def another(tree: Tree, tmp_path: Path, name: str = "worktree") -> Path:
    tree.git("worktree", "add", "--quiet", str(tmp_path / name))
    return tmp_path / name


async def test_each_terminal_gets_the_first_name_that_is_free(here: Desk, tree: Tree) -> None:
    first, second = here.terminal(tree.top), here.terminal(tree.top)
    assert [(await here.join(one)).name for one in (first, second, first)] == ["impl_a", "impl_b", "impl_a"]
    assert (await here.join(first)).session == session_of(tree.top)
    for one in here.terminals.gone(first.key):
        await here.machine.table.leave(one, "left")
    assert (await here.join(here.terminal(tree.top))).name == "impl_a"


async def test_a_name_that_another_machine_has_is_passed_over_by_one_more_question(
    service: Running, here: Desk, tree: Tree
) -> None:
    session = session_of(tree.top)
    for letter in "abcde":
        other = replace(agent(f"impl_{letter}", session=session), checkout="elsewhere", terminal="1-1.00")
        await agents.heartbeat(service.core, other, only_if_free=True)
    before = here.machine.link.calls
    assert (await here.join(here.terminal(tree.top))).name == "impl_f"
    assert here.machine.link.calls == before + 3


async def test_eight_terminals_that_come_at_once_do_not_try_for_one_name(here: Desk, tree: Tree) -> None:
    before = here.machine.link.calls
    joined = await asyncio.gather(*(here.join(here.terminal(tree.top)) for _ in range(8)))
    assert sorted(one.name for one in joined) == [f"impl_{letter}" for letter in "abcdefgh"]
    assert here.machine.link.calls == before + 8


async def test_two_daemons_of_people_of_one_name_are_kept_apart(
    service: Running, here: Desk, tree: Tree, tmp_path: Path
) -> None:
    other_tree = another(tree, tmp_path)
    (tmp_path / "memory").mkdir()
    async with desk(service, tmp_path / "memory") as there:
        names = await asyncio.gather(
            *(here.join(here.terminal(tree.top)) for _ in range(3)),
            *(there.join(there.terminal(other_tree)) for _ in range(3)),
        )
    assert len({one.id for one in names}) == 6
    assert len({one.session for one in names}) == 1


async def test_what_the_person_said_counts_when_it_can_be_a_name(
    here: Desk, tree: Tree, tmp_path: Path
) -> None:
    said = await here.join(here.terminal(tree.top, COORD_AGENT="backend", COORD_SESSION="demo"))
    assert (said.session, said.name) == ("demo", "backend")
    elsewhere = make_tree_in(tmp_path / "elsewhere")
    malformed = await here.join(here.terminal(elsewhere.top, COORD_AGENT="a__b", COORD_SESSION="../x y"))
    assert (malformed.session, malformed.name) == (session_of(elsewhere.top), "impl_a")


def make_tree_in(folder: Path) -> Tree:
    folder.mkdir()
    return make_tree(folder)


async def test_the_session_that_was_connected_counts_less_than_the_environment(
    here: Desk, tree: Tree, tmp_path: Path
) -> None:
    here.chosen[tree.top] = Chosen("connected", "planner")
    assert (await here.join(here.terminal(tree.top))).id == "alice/planner"
    named = await here.join(here.terminal(tree.top, COORD_AGENT="backend"))
    assert (named.session, named.name) == ("connected", "backend")
    other = make_tree_in(tmp_path / "elsewhere")
    here.chosen[other.top] = Chosen("not a session", "not a name")
    odd = await here.join(here.terminal(other.top))
    assert (odd.session, odd.name) == (session_of(other.top), "impl_a")


async def test_of_two_terminals_of_one_name_the_second_gets_another(
    here: Desk, tree: Tree, tmp_path: Path
) -> None:
    first, second = (here.terminal(tree.top, COORD_AGENT="backend") for _ in range(2))
    assert [(await here.join(one)).name for one in (first, second)] == ["backend", "impl_a"]
    assert [one.name for one in here.terminals.gone(first.key)] == ["backend"]
    connected = make_tree_in(tmp_path / "connected")
    here.chosen[connected.top] = Chosen("demo", "planner")
    unnamed = [here.terminal(connected.top) for _ in range(3)]
    assert [(await here.join(one)).name for one in unnamed] == ["planner", "impl_a", "impl_b"]
    connected.commit({"a.py": "1"})
    await here.edit(unnamed[0], connected.top / "a.py", "2")
    assert 'held by "alice/planner"' in (await here.begin(unnamed[1], connected.top / "a.py")).deny


async def test_a_checkout_that_is_in_use_under_another_session_leads_there(
    service: Running, here: Desk, tree: Tree, tmp_path: Path
) -> None:
    first = here.terminal(tree.top, COORD_SESSION="demo")
    second = here.terminal(tree.top)
    assert (await here.join(first)).session == "demo"
    await here.edit(first, tree.top / "a.py", "2")
    assert (await here.join(second)).id == "alice/impl_b"
    assert '"alice/impl_a"' in (await here.begin(second, "a.py")).deny
    # Of another checkout of its own session a terminal finds out when it comes there.
    third = here.terminal(another(tree, tmp_path))
    assert (await here.join(third)).session == session_of(tree.top)
    assert '"alice/impl_a"' in (await here.begin(third, tree.top / "a.py")).deny
    assert {one.session for one in third.agents.values()} == {"demo", session_of(tree.top)}
    # And what is so today is not kept for those who come later.
    for terminal in (first, second, third):
        for one in here.terminals.gone(terminal.key):
            await here.machine.table.leave(one, "left")
    assert (await here.join(here.terminal(tree.top))).session == session_of(tree.top)


async def test_no_variable_takes_a_terminal_out_of_the_session_of_a_checkout_in_use(
    here: Desk, tree: Tree
) -> None:
    """A repository's settings can set it; who edits the same files is in the same session all the same."""
    first = here.terminal(tree.top)
    assert (await here.join(first)).session == session_of(tree.top)
    await here.edit(first, tree.top / "a.py", "2")
    second = here.terminal(tree.top, COORD_SESSION="elsewhere")
    assert (await here.join(second)).session == session_of(tree.top)
    assert '"alice/impl_a"' in (await here.begin(second, "a.py")).deny


async def test_a_checkout_that_was_given_to_another_session_is_found_again(
    service: Running, here: Desk, tree: Tree
) -> None:
    terminal = here.terminal(tree.top)
    mine = await here.join(terminal)
    await here.machine.table.leave(mine, "left")
    await here.join(here.terminal(tree.top, COORD_SESSION="demo"))
    assert "belongs" in (await here.begin(terminal, "a.py")).context
    assert not (await here.begin(terminal, "a.py")).context
    assert (await here.join(terminal)).session == "demo"


@pytest.mark.parametrize("active", [True, False])
async def test_checkouts_that_lead_in_a_circle_or_nowhere_end(
    here: Desk, tree: Tree, monkeypatch: pytest.MonkeyPatch, *, active: bool
) -> None:
    tried: list[str] = []

    async def enter(one: terminals.LocalAgent, **_: object) -> None:
        tried.append(one.session)
        other = "demo" if one.session != "demo" else session_of(tree.top)
        raise RequestRefused("taken", code="checkout_taken", details={"session": other, "active": active})

    monkeypatch.setattr(here.terminals._joining, "enter", enter)
    with pytest.raises(RequestRefused):
        await here.join(here.terminal(tree.top))
    assert tried == [session_of(tree.top), "demo"][: 1 + active]


async def test_a_conversation_keeps_its_name_in_another_process_and_after_a_restart(
    service: Running, here: Desk, tree: Tree, folder: Path
) -> None:
    await here.join(here.terminal(tree.top))
    second = here.terminal(tree.top, "the-one")
    assert (await here.join(second)).name == "impl_b"
    for terminal in here.terminals:
        for one in here.terminals.gone(terminal.key):
            await here.machine.table.leave(one, "ended")
    assert (await here.join(here.terminal(tree.top, "the-one"))).name == "impl_b"
    async with desk(service, folder) as later:
        again = later.terminals.add(here.terminals.agents()[0].terminal, tree.top)
        again.claude_session = "after-clear"
        assert (await later.join(again)).name == "impl_b"


async def test_two_processes_of_one_conversation_are_two_agents(here: Desk, tree: Tree) -> None:
    names = [(await here.join(here.terminal(tree.top, "the-one"))).name for _ in range(2)]
    assert names == ["impl_a", "impl_b"]


async def test_subagents_keep_their_names_and_none_is_given_twice(here: Desk, tree: Tree) -> None:
    terminal = here.terminal(tree.top)
    for number in range(120):
        terminal.subagents[f"id-{number}"] = "Explore"
    first = await here.join(terminal, "id-0")
    assert (first.name, first.parent, first.checkout) == (
        "impl_a.explore-1",
        "impl_a",
        describe_checkout(tree.top),
    )
    await here.end_subagent(terminal, "id-0")
    others = [await here.join(terminal, f"id-{number}") for number in range(1, 120)]
    assert [one.name for one in others] == [f"impl_a.explore-{number}" for number in range(2, 121)]
    assert (await here.join(terminal, "id-0")).name == "impl_a.explore-1"
    assert len(await asyncio.gather(*(here.join(terminal, "new") for _ in range(3)))) == 3
    assert [one.name for one in here.terminals.agents() if one.subagent == "new"] == ["impl_a.subagent-1"]


async def test_a_name_that_cannot_be_kept_is_had_all_the_same(
    here: Desk, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StateUnusable("the disk is full")

    monkeypatch.setattr(here.state._file, "write", full)
    terminal = here.terminal(tree.top)
    assert await here.join(terminal) is await here.join(terminal)


async def test_joining_ends_in_time_and_who_has_joined_waits_for_nobody(
    here: Desk, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = here.terminal(tree.top)
    me = await here.join(terminal)
    monkeypatch.setattr(terminals, "JOIN_SECONDS", 0.2)
    halt = here.machine.link.halt(before=True)
    joining = asyncio.create_task(here.join(terminal, "slow"))
    await halt.until_reached()
    assert await here.join(terminal) is me
    with pytest.raises(ServiceAway, match="too long"):
        await joining
    halt.go.set()


async def test_calls_of_a_terminal_lead_to_its_home_wherever_it_joined_first(
    here: Desk, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = Routes(here.machine.link, here.terminals, here.membership)
    terminal = here.terminal(tree.top)
    await here.edit(terminal, another(tree, tmp_path) / "a.py", "2")
    terminal.calls["call-1"], terminal.subagents["one"] = "one", "Explore"
    own, subs = [await routes.route(str(terminal.key), call) for call in (None, "call-1")]
    assert own is not None
    assert subs is not None
    assert (own.agent, own.checkout) == ("impl_a", describe_checkout(tree.top))
    assert (subs.agent, subs.checkout) == ("impl_a.explore-1", describe_checkout(tree.top))
    assert await routes.route("1-1.00", None) is None

    def unusable(*_: object) -> None:
        raise StateUnusable("the disk is gone")

    with monkeypatch.context() as patch, pytest.raises(RetryLater, match="the disk is gone"):
        patch.setattr(here.state._file, "read", unusable)
        await routes.route(str(here.terminal(tree.top).key), None)
    await here.machine.gate.shut()
    with pytest.raises(RetryLater, match="cannot be reached"):
        await routes.route(str(here.terminal(tree.top).key), None)
