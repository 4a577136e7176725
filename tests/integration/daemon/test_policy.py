"""What happens to edits while nobody can be asked is what the person wrote, and never less."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from tests.integration.daemon.hook import Hook, answer, decision, edit

is_root = os.geteuid() == 0


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "policy"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", "/w/a.py", "warn"),
        ("# nothing\n\n", "/w/a.py", "warn"),
        ("* block\n", "/w/a.py", "deny"),
        ("* block\n*.md warn\n", "/w/a.md", "warn"),
        ("*.md warn\n* block\n", "/w/a.md", "deny"),
        ("/w/migrations block\n", "/w/migrations/1.sql", "deny"),
        ("/w/migrations/ block\n", "/w/migrations2/1.sql", "warn"),
        ("migrations/*.sql block\n", "/w/db/migrations/1.sql", "deny"),
        ("a.py\tblock\n", "/w/a.py", "deny"),
        ("a file.py   block\n", "/w/a file.py", "deny"),
        ("/w/x/* block\n", "/w/y/../x/a.py", "deny"),
        ("/w/* block\n", "relative.py", "deny"),
        ("* warn\n", "relative.py", "warn"),
    ],
)
def test_the_last_line_that_fits_counts(
    text: str, path: str, expected: str, hook: Hook, folder: Path
) -> None:
    write(folder, text)
    assert decision(hook.run("PreToolUse", "edit", given=edit(path))) == expected


def test_a_file_is_judged_by_its_spelling_and_by_where_it_is(hook: Hook, folder: Path) -> None:
    real = folder.resolve() / "real"
    real.mkdir()
    (folder / "link").symlink_to(real)
    write(folder, f"{real}/* block\n")
    assert decision(hook.run("PreToolUse", "edit", given=edit(f"{folder}/link/a.py"))) == "deny"
    write(folder, f"{folder}/link/* block\n")
    assert decision(hook.run("PreToolUse", "edit", given=edit(f"{folder}/link/a.py"))) == "deny"


def test_a_notebook_is_judged_by_its_path(hook: Hook, folder: Path) -> None:
    write(folder, "*.ipynb block\n")
    given = b'{"tool_input":{"notebook_path":"/w/a.ipynb"}}'
    assert decision(hook.run("PreToolUse", "edit", given=given)) == "deny"


@pytest.mark.parametrize("line", ["* blok", "block", "warn", "a.py", "!docs warn", "* block # because"])
def test_a_line_that_cannot_be_understood_refuses_every_edit_and_is_named(
    line: str, hook: Hook, folder: Path
) -> None:
    path = write(folder, f"* warn\n{line}\n")
    found = hook.run("PreToolUse", "edit", given=edit("/w/a.py"))
    assert decision(found) == "deny"
    assert str(path) in found["systemMessage"]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o644])
def test_a_policy_that_is_open_to_others_refuses_every_edit(mode: int, hook: Hook, folder: Path) -> None:
    write(folder, "* warn\n", mode)
    found = hook.run("PreToolUse", "edit", given=edit("/w/a.py"))
    assert decision(found) == "deny"
    assert "chmod 600" in found["systemMessage"]


@pytest.mark.skipif(not is_root, reason="only root can give a file away")
def test_a_policy_of_somebody_else_refuses_every_edit(hook: Hook, folder: Path) -> None:
    os.chown(write(folder, "* warn\n"), 65534, -1)
    assert decision(hook.run("PreToolUse", "edit", given=edit("/w/a.py"))) == "deny"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * 65535 + b"\n\n* block\n"])
def test_a_policy_that_cannot_be_read_whole_refuses_every_edit(
    content: bytes, hook: Hook, folder: Path
) -> None:
    path = write(folder, "")
    path.write_bytes(content)
    assert decision(hook.run("PreToolUse", "edit", given=edit("/w/a.py"))) == "deny"


def test_a_policy_that_is_a_link_refuses_every_edit(hook: Hook, folder: Path) -> None:
    write(folder, "* warn\n").rename(folder / "elsewhere")
    (folder / "policy").symlink_to(folder / "elsewhere")
    assert decision(hook.run("PreToolUse", "edit", given=edit("/w/a.py"))) == "deny"


def test_the_home_folder_is_that_of_the_list_of_users(hook: Hook, folder: Path) -> None:
    home = pwd.getpwuid(os.geteuid()).pw_dir
    hook.environment["HOME"] = str(folder)
    write(folder, "~/work block\n")
    assert decision(hook.run("PreToolUse", "edit", given=edit(f"{home}/work/a.py"))) == "deny"
    assert decision(hook.run("PreToolUse", "edit", given=edit(f"{folder}/work/a.py"))) == "warn"
    assert decision(hook.run("PreToolUse", "edit", given=edit("/work/a.py"))) == "warn"


def test_a_policy_that_is_a_folder_refuses_every_edit(hook: Hook, folder: Path) -> None:
    (folder / "policy").mkdir(mode=0o700)
    assert decision(hook.run("PreToolUse", "edit", given=edit("/w/a.py"))) == "deny"


def test_no_policy_in_the_environment_or_the_project_counts(hook: Hook, folder: Path) -> None:
    write(folder, "* block\n")
    elsewhere = folder / "home" / ".config" / "coordination"
    elsewhere.mkdir(parents=True)
    (elsewhere / "policy").write_text("* warn\n")
    hook.environment |= {
        "HOME": str(folder / "home"),
        "XDG_CONFIG_HOME": str(folder / "home" / ".config"),
        "COORDINATION_POLICY": "warn",
    }
    found = hook.run("PreToolUse", "edit", given=edit("/w/a.py"), cwd=elsewhere)
    assert decision(found) == "deny"


def test_a_pinned_file_that_cannot_be_read_refuses_every_edit(hook: Hook) -> None:
    command = hook.command("PreToolUse", "edit")
    (hook.folder / "pinned").write_bytes(b"\xff")
    done = subprocess.run(command, input=edit("/w/a.py"), capture_output=True, check=True)
    assert decision(answer(done.stdout)) == "deny"
