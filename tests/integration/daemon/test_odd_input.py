"""Input of hooks that is odd or broken: an edit of a held file is refused all the same, and none passes in silence."""

from __future__ import annotations

from tests.integration.daemon.developer import Developer, refused
from tests.integration.daemon.hook import decision


async def test_half_a_character_in_what_is_written_lets_no_edit_of_a_held_file_pass(alice: Developer) -> None:
    first, second = await alice.begun(), await alice.begun()
    assert await first.edit("a.py") == {}
    about = {"file_path": str(alice.tree.top / "a.py"), "content": "cut in two: \ud83d"}
    said = await second.say("PreToolUse", tool_name="Write", tool_input=about)
    assert '"alice/impl_a"' in refused(said)


async def test_another_file_named_beside_a_notebook_does_not_hide_that_it_is_held(alice: Developer) -> None:
    first, second = await alice.begun(), await alice.begun()
    assert await first.edit("n.ipynb") == {}
    about = {
        "file_path": str(alice.folder.path / "other.ipynb"),
        "notebook_path": str(alice.tree.top / "n.ipynb"),
    }
    said = await second.say("PreToolUse", tool_name="NotebookEdit", tool_input=about)
    assert '"alice/impl_a"' in refused(said)


async def test_an_edit_whose_input_cannot_be_read_is_never_let_pass_in_silence(alice: Developer) -> None:
    first = await alice.begun()
    broken = ["", "{", "[]", '{"tool_input":' * 100_000]
    for text in broken:
        (said,) = await first.given(["PreToolUse", "edit"], text)
        assert decision(said) == "warn"
    alice.hook.pinned["policy"] = str(alice.policy)
    alice.policy.write_text("* warn\nmigrations/ block\n")
    alice.policy.chmod(0o600)
    for text in broken:
        (said,) = await first.given(["PreToolUse", "edit"], text)
        assert decision(said) == "deny"
