"""`coord connect` and `coord headers`, with a stand-in for `claude mcp` that keeps entries as the real one does.

How the real one behaves was measured in both pinned versions; tests/acceptance/test_connect.py uses them. What is
different at a hosted service is in test_hosted_connect.py.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from coordination.cli import run
from coordination.domain.checkout import parse_checkout, parse_terminal
from coordination.domain.virtual_user import parse_virtual_user
from tests.integration.cli.running import Answer, program
from tests.integration.cli.stand_in import STAND_IN


class Machine:
    """A person's machine: a home, a checkout, a data folder, and `coord` typed in the checkout."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capture = capture
        self.checkout = folder / "project"

    def coord(self, *words: str) -> Answer:
        self.capture.readouterr()
        exit_code = run(words)
        printed = self.capture.readouterr()
        return Answer(exit_code, printed.out, printed.err)

    @property
    def entries(self) -> dict[str, Any]:
        try:
            config = json.loads((self.folder / ".claude.json").read_text())
        except FileNotFoundError:
            return {}
        return config["projects"][str(self.checkout)]["mcpServers"]

    def register(self, name: str, entry: dict[str, Any]) -> None:
        subprocess.run(
            ["claude", "mcp", "add-json", name, json.dumps(entry), "--scope", "local"],
            check=True,
            cwd=self.checkout,
        )


@pytest.fixture
def without_claude(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    machine = Machine(tmp_path, capsys)
    (machine.checkout / ".git").mkdir(parents=True)
    (machine.checkout / "src").mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.chdir(machine.checkout)
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    variables = {
        "HOME": tmp_path,
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "PROJECT": machine.checkout,
        "COORDINATION_DATA_DIR": tmp_path / "data",
        "PORT": "8123",
        "LOGNAME": "Alice",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    return machine


@pytest.fixture
def machine(without_claude: Machine) -> Machine:
    stand_in = without_claude.folder / "bin" / "claude"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    return without_claude


def test_one_entry_is_registered_that_serves_all_terminals(machine: Machine) -> None:
    answer = machine.coord("connect", "demo", "--user", "alice")
    assert answer.exit_code == 0
    assert set(machine.entries) == {"coordination"}
    entry = machine.entries["coordination"]
    assert entry["url"] == "http://127.0.0.1:8123/mcp/v2/claude/alice__session__demo__${COORD_AGENT:-planner}"
    assert (entry["type"], entry["alwaysLoad"]) == ("http", True)
    assert "headers" not in entry
    assert "COORD_AGENT=impl_a claude" in answer.out
    assert "connect --remove" in answer.out


def test_a_terminal_expands_the_url_to_a_virtual_user_id(machine: Machine) -> None:
    machine.coord("connect", "demo", "--user", "alice", "--agent-default", "lead")
    url = machine.entries["coordination"]["url"]
    bare = {name: value for name, value in os.environ.items() if name != "COORD_AGENT"}
    for environment, agent in ((bare, "lead"), (bare | {"COORD_AGENT": "impl_a"}, "impl_a")):
        # The shell expands `${NAME:-default}` as Claude Code does.
        expanded = subprocess.run(
            ["sh", "-c", f'printf %s "{url}"'], env=environment, check=True, capture_output=True, text=True
        ).stdout
        user = parse_virtual_user(expanded.rpartition("/")[2])
        assert (user.user, user.session, user.agent) == ("alice", "demo", agent)


def test_connecting_again_changes_nothing(machine: Machine) -> None:
    machine.coord("connect", "demo")
    before = machine.entries
    answer = machine.coord("connect", "demo", "--json")
    assert (answer.exit_code, answer.json["change"]) == (0, "unchanged")
    assert machine.entries == before


def test_an_older_entry_of_ours_is_replaced_and_that_is_said(machine: Machine) -> None:
    machine.coord("connect", "demo")
    answer = machine.coord("connect", "other")
    assert "an older entry coordination of ours was replaced" in answer.out
    assert "__session__other__" in machine.entries["coordination"]["url"]
    # The line that `coord up` prints for those who do it by hand makes an entry without the helper.
    by_hand = {"type": "http", "url": machine.entries["coordination"]["url"]}
    subprocess.run(["claude", "mcp", "remove", "coordination", "--scope", "local"], check=True)
    machine.register("coordination", by_hand)
    assert machine.coord("connect", "other", "--json").json["change"] == "replaced"


def test_an_entry_of_somebody_else_is_left_alone(machine: Machine) -> None:
    foreign = {"type": "http", "url": "https://example.com/mcp"}
    machine.register("coordination", foreign)
    for words in (["connect", "demo"], ["connect", "--remove"]):
        answer = machine.coord(*words)
        assert answer.exit_code == 1
        assert machine.entries.pop("coordination") == foreign
        line = answer.err.strip().splitlines()[-1].partition(": ")[2]
        assert subprocess.run(["sh", "-c", line], check=True, capture_output=True).returncode == 0
        assert ("coordination-locks" in machine.entries) is (words[-1] == "demo")


def test_it_is_undone_and_undoing_it_again_is_no_error(machine: Machine) -> None:
    machine.coord("connect", "demo")
    assert machine.coord("connect", "--remove").exit_code == 0
    assert machine.entries == {}
    again = machine.coord("connect", "--remove", "--json")
    assert (again.exit_code, again.json["change"]) == (0, "unchanged")


def test_the_entry_is_found_from_a_folder_below(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.coord("connect", "demo")
    monkeypatch.chdir(machine.checkout / "src")
    assert machine.coord("connect", "demo", "--json").json["change"] == "unchanged"


def test_in_a_worktree_the_entry_is_found_where_claude_keeps_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.coord("connect", "demo")
    own, tree = machine.checkout / ".git" / "worktrees" / "tree", machine.folder / "tree"
    own.mkdir(parents=True)
    (own / "commondir").write_text("../..\n")
    (own / "gitdir").write_text(f"{tree}/.git\n")
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    monkeypatch.chdir(tree)
    assert machine.coord("connect", "demo", "--json").json["change"] == "unchanged"
    assert machine.coord("connect", "other", "--json").json["change"] == "replaced"
    assert machine.coord("connect", "--remove", "--json").json["change"] == "removed"
    assert machine.entries == {}


def test_without_claude_the_printed_line_does_the_same(without_claude: Machine, machine: Machine) -> None:
    stand_in = machine.folder / "bin" / "claude"
    stand_in.rename(stand_in.with_name("later"))
    answer = without_claude.coord("connect", "demo", "--user", "alice")
    assert answer.exit_code == 1
    assert "`claude` is not on the PATH" in answer.err
    error = without_claude.coord("connect", "demo", "--user", "alice", "--json").json["error"]
    assert error["code"] == "claude_missing"
    assert answer.out.strip() in error["mend"].splitlines()
    error = without_claude.coord("connect", "--remove", "--json").json["error"]
    assert (error["code"], "in your project's folder" in error["mend"]) == ("claude_missing", True)
    assert without_claude.coord("connect", "demo", "--print").exit_code == 0
    stand_in.with_name("later").rename(stand_in)
    subprocess.run(["sh", "-c", answer.out], check=True)
    assert machine.coord("connect", "demo", "--user", "alice", "--json").json["change"] == "unchanged"


@pytest.mark.parametrize("name", ["-x", "--scope", "", "a b", "a/b", "a\nb", "ä"])
@pytest.mark.parametrize("more", [["demo"], ["demo", "--print"], ["--remove"]])
def test_a_name_that_claude_would_not_take_for_one_is_refused(
    machine: Machine, name: str, more: list[str]
) -> None:
    answer = machine.coord("connect", *more, f"--name={name}")
    assert answer.exit_code == 2
    assert "--name must be" in answer.err
    assert (answer.out, machine.entries) == ("", {})


def test_only_printing_registers_nothing(machine: Machine) -> None:
    answer = machine.coord("connect", "demo", "--print")
    assert shlex.split(answer.out)[:4] == ["claude", "mcp", "add-json", "coordination"]
    assert machine.entries == {}


def test_a_service_that_does_not_run_is_mentioned(machine: Machine) -> None:
    assert "does not run" in machine.coord("connect", "demo").err


def test_the_local_token_is_sent_only_where_one_is_asked_for(machine: Machine) -> None:
    from coordination.app import running  # noqa: PLC0415 - beside the only test that needs them

    pid = os.getpid()
    started = running.started_at(pid)
    assert started is not None
    folder = machine.folder / "data"
    url = "http://127.0.0.1:8123"
    running.record(folder, running.RunningService(pid, started, url, 8123, "embedded", None, True, "1"))
    token = folder / "local.token"
    token.write_text("s3cret" * 8)
    refused = machine.coord("connect", "demo", "--json")
    assert refused.exit_code == 1
    assert str(token) in refused.json["error"]["message"]
    token.chmod(0o600)
    answer = machine.coord("connect", "demo")
    assert machine.entries["coordination"]["headers"] == {"Authorization": f"Bearer {'s3cret' * 8}"}
    assert "s3cret" not in answer.out + answer.err


@pytest.mark.parametrize(
    "words",
    [
        ["connect"],
        ["connect", ""],
        ["connect", "a__b"],
        ["connect", "_a"],
        ["connect", "a b"],
        ["connect", "a$(id)"],
        ["connect", "x" * 65],
        ["connect", "dem\u043e"],
        ["connect", "demo", "--user", "al/ice"],
        ["connect", "demo", "--agent-default", "${HOME}"],
    ],
)
def test_names_that_no_url_can_carry_are_refused_and_nothing_is_registered(
    machine: Machine, words: list[str]
) -> None:
    assert machine.coord(*words).exit_code == 2
    assert machine.entries == {}


def test_a_refusal_of_claude_is_shown(machine: Machine) -> None:
    stand_in = machine.folder / "bin" / "claude"
    stand_in.write_text("#!/bin/sh\necho 'no such command' >&2\nexit 3\n")
    answer = machine.coord("connect", "demo")
    assert answer.exit_code == 1
    assert "no such command" in answer.err
    line = answer.err.strip().splitlines()[-1].partition(": ")[2]
    printed = subprocess.run(["sh", "-c", line], check=True, capture_output=True, text=True).stdout
    assert shlex.split(printed)[:4] == ["claude", "mcp", "add-json", "coordination"]


def test_the_headers_name_the_checkout_of_the_folder_and_the_terminal(machine: Machine) -> None:
    machine.coord("connect", "demo")
    helper = machine.entries["coordination"]["headersHelper"]
    assert shlex.split(helper)[-1] == "headers"
    printed = subprocess.run(
        [*program(), "headers"], cwd=machine.checkout / "src", check=True, capture_output=True, text=True
    ).stdout
    headers = json.loads(printed)
    assert parse_checkout(headers["x-coordination-checkout"]).root == str(machine.checkout.resolve())
    assert parse_terminal(headers["x-coordination-terminal"])


def test_outside_of_git_only_the_terminal_is_named_and_a_warning_says_what_that_means(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = "locks count for every checkout, and absolute paths are refused"
    assert without not in machine.coord("connect", "demo").err
    monkeypatch.chdir(machine.folder)
    assert without in machine.coord("connect", "demo", "--print").err
    printed = subprocess.run([*program(), "headers"], check=True, capture_output=True, text=True).stdout
    assert set(json.loads(printed)) == {"x-coordination-terminal"}
