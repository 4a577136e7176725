"""`coord connect` and `coord doctor` at a hosted service: terminals come in, and no configuration holds a secret.

`claude` is a stand-in that keeps entries as the real one does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coordination.client import terminal_token
from tests.integration.cli.hosted import Person
from tests.integration.cli.running import Answer
from tests.integration.cli.stand_in import STAND_IN


class Folder:
    """A project's folder of a person, with Claude Code."""

    def __init__(self, person: Person, path: Path) -> None:
        self.person = person
        self.path = path
        (path / ".git").mkdir(parents=True)
        stand_in = person.home / "bin" / "claude"
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text(STAND_IN)
        stand_in.chmod(0o755)
        self.variables = {"PATH": f"{stand_in.parent}:{os.environ['PATH']}", "PROJECT": str(path)}

    async def coord(self, *words: str, **variables: str) -> Answer:
        """Type a command in the folder."""
        before = Path.cwd()
        os.chdir(self.path)
        try:
            return await self.person(*words, **self.variables, **variables)
        finally:
            os.chdir(before)

    def paste(self, line: str) -> None:
        """Have the shell run a line in the folder."""
        environment = {**self.variables, "HOME": str(self.person.home)}
        subprocess.run(["sh", "-c", line], check=True, cwd=self.path, env=environment)

    @property
    def entry(self) -> dict[str, Any] | None:
        """The entry that Claude Code has for the folder."""
        config = json.loads((self.person.home / ".claude.json").read_text())
        found: dict[str, Any] | None = config["projects"][str(self.path)]["mcpServers"].get("coordination")
        return found

    def headers(self, url: str) -> dict[str, str]:
        """What the helper of the entry answers to Claude Code, which connects to `url`."""
        entry = self.entry
        assert entry is not None
        key = str(entry["headersHelper"]).rpartition(" ")[2]
        environment = {
            **os.environ,
            "HOME": str(self.person.home),
            "XDG_CONFIG_HOME": str(self.person.home / "config"),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "CLAUDE_CODE_MCP_SERVER_URL": url,
        }
        done = subprocess.run(
            [sys.executable, "-m", "coordination", "headers", key],
            cwd=self.path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        found: dict[str, str] = json.loads(done.stdout)
        return found

    @property
    def kept(self) -> list[dict[str, Any]]:
        """The tokens that are kept for terminals."""
        folder = self.person.home / "config" / "coordination" / terminal_token.FOLDER
        return [json.loads(file.read_text()) for file in folder.glob("*.json")]


@pytest.fixture
def folder(alice: Person) -> Folder:
    return Folder(alice, alice.home / "project")


async def tokens(person: Person) -> list[dict[str, Any]]:
    """The tokens of terminals, as the service knows them."""
    found = (await person.done("token", "list", "--json")).json["tokens"]
    return [one for one in found if one["label"].startswith("terminals in")]


async def test_the_entry_names_a_token_for_the_session_and_holds_no_secret(folder: Folder) -> None:
    answer = await folder.coord("connect", "demo")
    assert answer.exit_code == 0, answer
    [kept], [known] = folder.kept, await tokens(folder.person)
    assert (known["user"], known["session"], known["agent"]) == ("alice", "demo", None)
    assert (known["scopes"], known["id"]) == (["read", "write"], kept["token_id"])
    assert known["label"] == "terminals in project"
    entry = folder.entry
    assert entry is not None
    url = f"{folder.person.service.url}/mcp/v2/claude/alice__session__demo__"
    assert entry["url"] == url + "${COORD_AGENT:-planner}"
    assert kept["secret"] not in json.dumps(entry) + answer.out + answer.err
    assert folder.headers(f"{url}impl_a")["authorization"] == f"Bearer {kept['secret']}"
    assert "authorization" not in folder.headers(url.replace("http://", "http://evil."))


async def test_connecting_again_keeps_the_token_while_it_works(folder: Folder) -> None:
    await folder.coord("connect", "demo")
    [before] = folder.kept
    again = await folder.coord("connect", "demo", "--json")
    assert again.json["change"] == "unchanged"
    assert folder.kept == [before]
    await folder.person.done("token", "revoke", before["token_id"], "--yes")
    answer = await folder.coord("connect", "demo")
    assert "connected to session demo already" in answer.out
    [after] = folder.kept
    assert after["token_id"] != before["token_id"]
    assert [one["id"] for one in await tokens(folder.person)] == [after["token_id"]]


async def test_a_token_that_ends_within_the_week_is_made_anew(folder: Folder) -> None:
    await folder.coord("connect", "demo")
    [before] = folder.kept
    [file] = (folder.person.home / "config" / "coordination" / terminal_token.FOLDER).glob("*.json")
    file.write_text(json.dumps({**before, "expires_at": "2026-01-01T00:00:00+00:00"}))
    await folder.coord("connect", "demo")
    [after] = folder.kept
    assert after["token_id"] != before["token_id"]


async def test_each_folder_has_a_token_of_its_own(folder: Folder) -> None:
    other = Folder(folder.person, folder.person.home / "other")
    await folder.coord("connect", "demo")
    await other.coord("connect", "demo")
    assert len({kept["token_id"] for kept in folder.kept}) == 2
    removed = await other.coord("connect", "--remove", "--json")
    assert removed.json == {"entry": "coordination", "change": "removed", "token_revoked": True}
    [left] = folder.kept
    assert [one["id"] for one in await tokens(folder.person)] == [left["token_id"]]
    assert left["token_id"] in str((await folder.coord("doctor", "--json")).json)


async def test_another_session_takes_the_place_of_the_entry_and_of_its_token(folder: Folder) -> None:
    await folder.coord("connect", "demo")
    answer = await folder.coord("connect", "other")
    assert "was replaced" in answer.out
    assert [one["session"] for one in await tokens(folder.person)] == ["other"]
    assert len(folder.kept) == 1


async def test_a_token_that_cannot_be_revoked_now_is_named_with_what_to_do(folder: Folder) -> None:
    await folder.coord("connect", "demo")
    [kept] = folder.kept
    await folder.person.done("logout", "--yes")
    answer = await folder.coord("connect", "--remove")
    assert answer.exit_code == 0
    assert folder.entry is None
    assert folder.kept == []
    assert f"token revoke {kept['token_id']}" in answer.err
    assert f"COORDINATION_URL={folder.person.service.url} " in answer.err


async def test_a_login_that_makes_no_tokens_serves_itself(folder: Folder, bob: Person) -> None:
    await folder.person.done("workspace", "add", "bob")
    made = await folder.person.done("token", "create", "--user", "bob", "--session", "demo")
    await bob.done("login", bob.service.url, "--token", typed=made.out)
    own = Folder(bob, bob.home / "project")
    assert (await own.coord("connect", "demo")).exit_code == 0
    assert [kept["secret"] for kept in own.kept] == [made.out.strip()]
    other = await own.coord("connect", "other", "--json")
    assert (other.exit_code, other.json["error"]["code"]) == (4, "forbidden")
    removed = await own.coord("connect", "--remove", "--json")
    assert removed.json["token_revoked"] is False
    await bob.done("whoami")


async def test_the_printed_line_holds_no_secret_and_works(folder: Folder) -> None:
    answer = await folder.coord("connect", "demo", "--print")
    [kept] = folder.kept
    assert answer.out.startswith("claude mcp add-json coordination ")
    assert kept["secret"] not in answer.out + answer.err
    folder.paste(answer.out)
    url = f"{folder.person.service.url}/mcp/v2/claude/alice__session__demo__planner"
    assert folder.headers(url)["authorization"] == f"Bearer {kept['secret']}"


async def test_the_doctor_looks_at_all_of_it(folder: Folder) -> None:
    await folder.coord("connect", "demo")
    answer = await folder.coord("doctor", "--json")
    states = {check["name"]: check["state"] for check in answer.json["checks"]}
    assert states == {
        "settings": "ok",
        "TLS": "ok",
        "service": "ok",
        "credential": "ok",
        "expiry": "ok",
        "member": "ok",
        "Claude Code (modern)": "ok",
        "Claude Code (older)": "ok",
        "Cursor": "ok",
        "this folder": "ok",
        "plugin": "skipped",
    }
    assert answer.exit_code == 0
    # The visit leaves no trace.
    assert (await folder.person.done("sessions", "--json")).json == {"sessions": []}


async def test_the_doctor_says_what_is_wrong_with_a_credential_and_a_folder(folder: Folder) -> None:
    await folder.coord("connect", "demo")
    [kept] = folder.kept
    await folder.person.done("token", "revoke", kept["token_id"], "--yes")
    answer = await folder.coord("doctor", "--json")
    [failed] = [check for check in answer.json["checks"] if check["state"] == "failed"]
    assert (answer.exit_code, failed["name"]) == (5, "this folder")
    assert "connect" in failed["mend"]
    url = folder.person.service.url
    answer = await folder.coord("doctor", "--json", COORDINATION_URL=url, COORDINATION_TOKEN=kept["secret"])
    [failed] = [check for check in answer.json["checks"] if check["state"] == "failed"]
    assert (failed["name"], "COORDINATION_TOKEN" in str(failed)) == ("credential", True)


async def test_the_doctor_sends_nothing_to_another_machine_in_clear_text(folder: Folder) -> None:
    variables = {"COORDINATION_URL": "http://192.0.2.1", "COORDINATION_TOKEN": "coord_secret"}
    answer = await folder.coord("doctor", "--json", **variables)
    states = {check["name"]: check["state"] for check in answer.json["checks"]}
    assert (states["TLS"], states["service"], states["credential"]) == ("failed", "skipped", "skipped")
