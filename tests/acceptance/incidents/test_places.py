"""The same file by another name, and another file by the same name: where agents meet, and where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordination.repository.identity import session_of
from tests.acceptance.claude import NEWER
from tests.acceptance.gate import Machine
from tests.acceptance.incidents.conftest import At, Lay
from tests.acceptance.incidents.desk import USER, Desk, git, make_checkout
from tests.acceptance.model_api import ModelApi
from tests.acceptance.outcome import ToolResult
from tests.acceptance.script import Call, Calls, Say, Step, prompt

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="two real clients start"),
]

# Where files lie is the same to both versions; what subagents are is not.
ONE_VERSION = pytest.mark.parametrize("version", [NEWER])
FILE = "source/price.py"
FILES = {FILE: "price = 1\n"}
EDITED = "has been updated successfully"


def second_edit(first: Desk, path: str, second: Desk, other_path: str) -> ToolResult:
    """impl_a edits `path` at the first desk and stays; return what impl_b's edit of `other_path` was answered."""
    holder = first.start(
        "impl_a",
        [
            first.read(path),
            first.edit(path, "price = 1", "price = 2"),
            Say("So.", name="a:ends", after="impl_b has tried"),
        ],
    )
    first.model.reached("a:ends")
    other = second.start(
        "impl_b", [second.read(other_path), second.edit(other_path, "price =", "cost ="), Say("So.")]
    )
    answer = other.wait().results[-1]
    first.model.open("impl_b has tried")
    assert EDITED in holder.wait().results[-1].text
    return answer


@ONE_VERSION
def test_a_file_is_the_same_file_through_a_symlinked_folder(guarded: Lay) -> None:
    desk = guarded(FILES)
    (desk.folder / "alias").symlink_to("source", target_is_directory=True)
    refused = second_edit(desk, FILE, desk, "alias/price.py")
    assert refused.is_error
    assert f'"{FILE}" is held by' in refused.text


@ONE_VERSION
def test_a_checkout_is_the_same_checkout_through_a_symlink(guarded: Lay, at: At, tmp_path: Path) -> None:
    desk = guarded(FILES)
    (tmp_path / "alias").symlink_to(desk.folder, target_is_directory=True)
    refused = second_edit(desk, FILE, at(tmp_path / "alias"), FILE)
    assert refused.is_error
    assert f'"{FILE}" is held by' in refused.text


@ONE_VERSION
def test_a_hard_link_is_the_same_file(guarded: Lay) -> None:
    desk = guarded(FILES)
    (desk.folder / "twin.py").hardlink_to(desk.folder / FILE)
    desk.git("add", "twin.py")
    refused = second_edit(desk, FILE, desk, "twin.py")
    assert refused.is_error
    assert "is held by" in refused.text


@ONE_VERSION
def test_worktrees_are_one_session_and_their_files_are_apart(guarded: Lay, at: At, tmp_path: Path) -> None:
    desk = guarded(FILES)
    desk.git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "worktree"))
    beside = at((tmp_path / "worktree").resolve())
    assert beside.session == desk.session
    answer = second_edit(desk, FILE, beside, FILE)
    assert EDITED in answer.text
    assert (desk.folder / FILE).read_text() == "price = 2\n"
    assert (beside.folder / FILE).read_text() == "cost = 1\n"
    assert desk.said_to_model("impl_b", "impl_a")


@ONE_VERSION
def test_equal_paths_in_two_repositories_are_two_files(guarded: Lay, at: At, tmp_path: Path) -> None:
    desk = guarded(FILES)
    other = at(make_checkout(tmp_path / "other", FILES))
    assert other.session != desk.session
    answer = second_edit(desk, FILE, other, FILE)
    assert EDITED in answer.text
    assert not desk.said_to_model("impl_b", "impl_a")


@ONE_VERSION
def test_two_people_of_one_name_are_two_agents(
    guarded: Lay, machine: Machine, programs: dict[str, Path], model: ModelApi, tmp_path: Path
) -> None:
    desk = guarded(FILES)
    desk.git("remote", "add", "origin", "https://example.com/team/prices.git")
    git(tmp_path, "clone", "--quiet", str(desk.folder), "clone")
    git(tmp_path / "clone", "remote", "set-url", "origin", "https://example.com/team/prices.git")
    with Machine(tmp_path / "namesake", USER, beside=machine) as namesake:
        claude = namesake.claude(NEWER, programs[NEWER], tmp_path, (tmp_path / "clone").resolve(), model)
        running = [
            there.start(
                name,
                [
                    Call("Read", {"file_path": str(there.checkout / FILE)}),
                    Call(
                        "Edit",
                        {"file_path": str(there.checkout / FILE), "old_string": "1", "new_string": "2"},
                    ),
                    Say("Done.", name=f"{name}:ends", after="both are done"),
                ],
            )
            for name, there in (("one", desk.claude), ("two", claude))
        ]
        model.reached("one:ends")
        model.reached("two:ends")
        agents = machine.service.status(session_of(desk.folder))["agents"]
        model.open("both are done")
        assert [terminal.wait().results[-1].is_error for terminal in running] == [False, False]
        claude.stop()
    assert len({agent["agent_id"] for agent in agents}) == 2
    assert [agent["agent_id"].partition("/")[0] for agent in agents] == [USER, USER]
    assert [[lock["path"] for lock in agent["locks"]] for agent in agents] == [[FILE], [FILE]]


@ONE_VERSION
def test_two_terminals_of_one_name_do_not_share_what_they_hold(guarded: Lay) -> None:
    desk = guarded(FILES)
    holder = desk.start(
        "impl_a",
        [
            desk.read(FILE),
            desk.edit(FILE, "price = 1", "price = 2"),
            Say("So.", name="a:ends", after="the other has tried"),
        ],
    )
    desk.model.reached("a:ends")
    other = desk.claude.start(
        "its namesake",
        [desk.read(FILE), desk.edit(FILE, "price =", "cost ="), Say("So.")],
        environment={"COORD_AGENT": "impl_a"},
    )
    refused = other.wait().results[-1]
    desk.model.open("the other has tried")
    holder.wait()
    assert refused.is_error
    assert f'is held by "{USER}/impl_a"' in refused.text
    assert desk.said_to_model("its namesake", f'you are "{USER}/impl_b"')
    assert (desk.folder / FILE).read_text() == "price = 2\n"


@ONE_VERSION
def test_clones_of_one_repository_are_one_session(guarded: Lay, at: At, tmp_path: Path) -> None:
    origin = make_checkout(tmp_path / "origin", FILES)
    desks: list[Desk] = []
    for name in ("one", "two"):
        git(tmp_path, "clone", "--quiet", str(origin), name)
        address = {"one": "git@Example.com:team/prices.git", "two": "https://bob@example.com/team/prices"}[
            name
        ]
        git(tmp_path / name, "remote", "set-url", "origin", address)
        desks.append(at((tmp_path / name).resolve()))
    assert desks[0].session == desks[1].session
    assert EDITED in second_edit(desks[0], FILE, desks[1], FILE).text


def test_two_subagents_of_one_terminal_are_two_agents(guarded: Lay) -> None:
    desk = guarded(FILES)

    def subagent(*steps: Step) -> Call:
        task = {"description": "edit", "subagent_type": "general-purpose", "run_in_background": False}
        return Call("Task", task | {"prompt": prompt("Edit it.", steps)})

    first = subagent(
        desk.read(FILE),
        desk.edit(FILE, "price = 1", "price = 2"),
        Say("So.", name="first:ends", after="the second has tried"),
    )
    second = subagent(
        desk.read(FILE, name="second:reads", after="the first has it"),
        desk.edit(FILE, "price =", "cost ="),
        Say("So.", name="second:ends"),
    )
    terminal = desk.start("impl_a", [Calls((first, second)), Say("Done.")])
    desk.model.reached("first:ends")
    desk.model.open("the first has it")
    desk.model.reached("second:ends")
    desk.model.open("the second has tried")
    edits = [result for result in terminal.wait().results if result.tool == "Edit"]
    assert [result.is_error for result in edits] == [False, True]
    assert "impl_a.general-purpose-1" in edits[1].text
    assert (desk.folder / FILE).read_text() == "price = 2\n"


def test_a_subagent_may_edit_what_its_terminal_has_edited_and_the_terminal_after_it(guarded: Lay) -> None:
    desk = guarded(FILES)
    steps: list[Step] = [desk.read(FILE), desk.edit(FILE, "price = 2", "price = 3"), Say("Done.")]
    task = {"description": "edit", "subagent_type": "general-purpose", "run_in_background": False}
    terminal = desk.start(
        "impl_a",
        [
            desk.read(FILE),
            desk.edit(FILE, "price = 1", "price = 2"),
            Call("Task", task | {"prompt": prompt("Edit it.", steps)}),
            desk.read(FILE),
            desk.edit(FILE, "price = 3", "price = 4"),
            Say("Done.", name="a:ends", after="it was looked"),
        ],
    )
    desk.model.reached("a:ends")
    assert desk.holds("impl_a") == [FILE]
    desk.model.open("it was looked")
    edits = [result for result in terminal.wait().results if result.tool == "Edit"]
    assert [result.is_error for result in edits] == [False] * 3
    assert (desk.folder / FILE).read_text() == "price = 4\n"
