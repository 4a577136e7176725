"""What a hook was given is read for what it is, and nothing that is missing or odd stops it."""

from typing import Any

import pytest

from coordination.daemon.hook_event import MOST, HookEvent, read


def test_an_edit_is_read() -> None:
    body = {
        "session_id": "s",
        "cwd": "/work",
        "hook_event_name": "PreToolUse",
        "tool_name": "Edit",
        "tool_input": {"file_path": "/work/a.py", "old_string": "x"},
        "tool_use_id": "toolu_1",
        "agent_id": "a1",
        "agent_type": "Explore",
    }
    event = read("PreToolUse", body)
    assert event == HookEvent(
        "PreToolUse", "s", "/work", "", "Edit", "toolu_1", "/work/a.py", "", "a1", "Explore"
    )
    assert event.edits
    assert not event.reads


@pytest.mark.parametrize("tool", ["Edit", "Write", "MultiEdit", "NotebookEdit"])
def test_each_edit_tool_edits(tool: str) -> None:
    assert read("PreToolUse", {"tool_name": tool}).edits


def test_a_notebook_is_a_file() -> None:
    assert read(
        "PreToolUse", {"tool_name": "NotebookEdit", "tool_input": {"notebook_path": "/n.ipynb"}}
    ).path == ("/n.ipynb")


@pytest.mark.parametrize(("tool", "path"), [("NotebookEdit", "/n.ipynb"), ("Edit", "/a.py")])
def test_the_field_of_another_tool_does_not_lead_away_from_the_file(tool: str, path: str) -> None:
    about = {"file_path": "/a.py", "notebook_path": "/n.ipynb"}
    assert read("PreToolUse", {"tool_name": tool, "tool_input": about}).path == path


def test_half_a_character_in_a_path_stands_for_what_the_disk_gets() -> None:
    about = {"file_path": "/a\ud83d.py"}
    assert read("PreToolUse", {"tool_name": "Edit", "tool_input": about}).path == "/a\ufffd.py"


def test_of_a_text_without_end_no_more_is_kept_than_a_path_can_have() -> None:
    long = "/" + "x" * 1_000_000
    event = read("PreToolUse", {"tool_name": "Edit", "tool_input": {"file_path": long}, "agent_id": long})
    assert event.path == event.subagent == long[:MOST]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tool_input": "text"},
        {"tool_input": {"file_path": 3}},
        {"session_id": None, "cwd": [], "tool_name": {}, "agent_id": 4, "tool_use_id": 1.5},
    ],
)
def test_what_is_missing_or_odd_is_empty(body: dict[str, Any]) -> None:
    assert read("PreToolUse", body) == HookEvent("PreToolUse")
