"""What a terminal is told while no daemon runs, and how the hook program starts one."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from tests.integration.daemon.fake_daemon import FakeDaemon
from tests.integration.daemon.hook import Hook, decision
from tests.integration.daemon.test_fallback import EDIT, policy, silent


@pytest.mark.parametrize("event", ["SessionStart", "UserPromptSubmit"])
def test_a_session_without_coord_is_told_how_to_install_it(event: str, hook: Hook, folder: Path) -> None:
    hook.environment["PATH"] = str(folder)
    if coord_is_installed():
        pytest.skip("coord is installed here")
    found = hook.run(event)
    assert found["hookSpecificOutput"]["hookEventName"] == event
    assert "make install" in found["hookSpecificOutput"]["additionalContext"]
    assert "NOT PROTECTED" in found["systemMessage"]


def test_a_session_whose_daemon_is_stuck_is_told_and_none_is_started(hook: Hook, folder: Path) -> None:
    started = program(folder / "coord")
    with FakeDaemon(Path(hook.pinned["socket"]), silent):
        assert "does not answer" in hook.run("SessionStart")["systemMessage"]
    assert not started.exists()


@pytest.mark.parametrize("event", ["SessionStart", "UserPromptSubmit"])
def test_a_session_starts_the_daemon_apart_from_itself_and_from_its_environment(
    event: str, hook: Hook, folder: Path
) -> None:
    started = program(folder / "coord")
    os.mkfifo(started)
    hook.pinned["data_dir"] = "/data"
    hook.environment |= {
        "HOME": "/evil",
        "COORDINATION_URL": "http://evil",
        "PATH": f"/evil:{os.environ['PATH']}",
    }
    found = hook.run(event, alone=True)
    assert "starting, unprotected" in found["systemMessage"]
    assert "starting, unprotected" in found["hookSpecificOutput"]["additionalContext"]
    arguments, session, output, variables = started.read_text().split("\n", 3)
    assert arguments == "daemon start"
    assert session == "leads"
    assert output == "/dev/null"
    assert "evil" not in variables
    assert "COORDINATION_DATA_DIR=/data\n" in variables
    # What is below `~/` in a policy, what a person registered, and git's own settings are found by it.
    assert f"HOME={pwd.getpwuid(os.geteuid()).pw_dir}\n" in variables


@pytest.mark.parametrize("path", ["{project}", "{project}:.", "/proc/self/cwd", "{project}/../project"])
def test_a_coord_on_the_path_is_not_run(path: str, hook: Hook, folder: Path) -> None:
    """A repository's settings can set the PATH, and name its own folders in many ways."""
    project = folder / "project"
    project.mkdir()
    started = program(project / "coord")
    hook.environment |= {"PATH": path.format(project=project), "CLAUDE_PROJECT_DIR": str(project)}
    if coord_is_installed():
        pytest.skip("coord is installed here")
    assert "not installed" in hook.run("SessionStart", cwd=project)["systemMessage"]
    assert not started.exists()


def test_a_plugin_that_was_removed_says_so_and_starts_no_daemon(hook: Hook, folder: Path) -> None:
    """As terminals have it that run on after `coord uninstall`."""
    started = program(folder / "coord")
    manifest = folder / "plugin.json"
    manifest.touch()
    hook.pinned["installed"] = str(manifest)
    assert "coord daemon start" in hook.run("PreToolUse", "edit", given=EDIT)["systemMessage"]
    manifest.unlink()
    for event in ("SessionStart", "UserPromptSubmit"):
        assert "was removed" in hook.run(event)["systemMessage"]
    assert hook.run("headers") == {}
    for text, expected in (("* warn\n", "warn"), ("* block\n", "deny")):
        policy(folder, text)
        found = hook.run("PreToolUse", "edit", given=EDIT)
        assert decision(found) == expected
        assert "was removed" in found["systemMessage"]
        assert "coord daemon start" not in json.dumps(found)
    assert not started.exists()


def coord_is_installed() -> bool:
    home = pwd.getpwuid(os.geteuid()).pw_dir
    places = (f"{home}/.local", "/usr/local", "/opt/homebrew", "/usr")
    return any(Path(place, "bin", "coord").exists() for place in places)


def program(path: Path) -> Path:
    """Make a program in place of `coord`, and return where it writes how it was run."""
    told = path.with_suffix(".told")
    path.write_text(
        "#!/bin/sh\n"
        f'{{ echo "$*"; [ "$(ps -o sid= -p $$ | tr -d " ")" = $$ ] && echo leads || echo follows; '
        f"readlink /proc/$$/fd/2 || echo /dev/null; env; }} >{told}.part\n"
        f"cat {told}.part >{told}\n"
    )
    path.chmod(0o755)
    return told
