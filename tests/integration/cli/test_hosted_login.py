"""`coord login`, `logout` and `whoami` at a hosted service: how one comes in, and that no secret is shown or lost."""

from __future__ import annotations

import stat

import pytest

from tests.integration.cli.hosted import BOOTSTRAP, Person


async def test_the_first_owner_comes_in_with_the_bootstrap_token_once(bob: Person) -> None:
    url = bob.service.url
    answer = await bob("login", url, "--bootstrap", "--workspace-name", "Blue", typed=f"{BOOTSTRAP}\n")
    assert answer.exit_code == 0
    assert f"Logged in at {url} as bob-at-home, owner of workspace Blue." in answer.out
    assert "coord_" not in answer.out + answer.err
    again = await bob("login", url, "--bootstrap", "--yes", COORDINATION_BOOTSTRAP_TOKEN=BOOTSTRAP)
    assert again.exit_code == 4
    assert "made before" in again.err


async def test_a_wrong_bootstrap_token_makes_nobody_an_owner(bob: Person) -> None:
    answer = await bob("login", bob.service.url, "--bootstrap", typed=BOOTSTRAP[::-1])
    assert answer.exit_code == 4
    assert "not the bootstrap token" in answer.err
    assert answer.err.endswith(f"coord login {bob.service.url} --bootstrap\n")
    assert (await bob("whoami")).exit_code == 2


async def test_the_login_is_kept_for_its_owner_alone(alice: Person) -> None:
    [file] = (alice.home / "config").rglob("logins.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "coord_" in file.read_text()


async def test_whoami_says_who_one_is_and_what_one_may(alice: Person) -> None:
    me = (await alice.done("whoami", "--json")).json
    token = me.pop("token_id")
    assert me == {
        "url": alice.service.url,
        "credential": "the login",
        "workspace": "local",
        "workspace_name": "team",
        "user": "alice",
        "role": "owner",
        "scopes": ["read", "write", "manage"],
        "session": None,
        "agent": None,
        "agent_role": None,
    }
    told = (await alice.done("whoami")).out
    assert token in told
    assert "  user        alice\n" in told


async def test_a_token_that_somebody_made_is_a_login(alice: Person, bob: Person) -> None:
    await alice.done("workspace", "add", "bob")
    made = await alice.done("token", "create", "--user", "bob", "--session", "demo")
    answer = await bob.done("login", bob.service.url, "--token", typed=made.out)
    assert "as bob, member of workspace team" in answer.out
    assert (await bob.done("whoami", "--json")).json["session"] == "demo"


@pytest.mark.parametrize("typed", ["", "\n", "coord_" + "x" * 43])
async def test_no_token_and_one_that_is_none_leave_one_logged_out(bob: Person, typed: str) -> None:
    answer = await bob("login", bob.service.url, "--token", typed=typed)
    assert answer.exit_code == (4 if typed.strip() else 2)
    assert not typed.strip() or f"The token does not work at {bob.service.url}: " in answer.err
    assert (await bob("whoami")).exit_code == 2


async def test_an_invitation_is_exchanged_for_a_token_once(alice: Person, bob: Person) -> None:
    invited = await alice.done("workspace", "invite", "bob", "--role", "viewer")
    assert f"coord login {alice.service.url} --invitation" in invited.err
    answer = await bob.done("login", bob.service.url, "--invitation", typed=invited.out)
    assert "as bob, viewer of workspace team" in answer.out
    code = {"COORDINATION_INVITATION": invited.out.strip()}
    again = await bob("login", bob.service.url, "--invitation", "--yes", **code)
    assert (again.exit_code, "No invitation with this code" in again.err) == (4, True)
    assert (await bob.done("whoami", "--json")).json["role"] == "viewer"


async def test_without_supabase_people_are_told_how_else_they_come_in(bob: Person) -> None:
    answer = await bob("login", bob.service.url, "--json")
    error = answer.json["error"]
    assert (answer.exit_code, error["code"]) == (2, "no_login")
    assert [line.rpartition(" ")[2] for line in error["mend"].splitlines()] == [
        "--bootstrap",
        "--invitation",
        "--token",
    ]


async def test_who_logs_out_is_logged_in_nowhere_and_the_token_works_on(alice: Person) -> None:
    token = (await alice.done("token", "create")).out.strip()
    out = await alice.done("logout", "--yes")
    assert out.out == f"Logged out at {alice.service.url}.\n"
    assert "works on" in out.err
    answer = await alice("status", COORDINATION_URL=alice.service.url)
    assert answer.exit_code == 4
    assert f"login {alice.service.url}" in answer.err
    there = await alice.done("whoami", COORDINATION_URL=alice.service.url, COORDINATION_TOKEN=token)
    assert "alice" in there.out
    assert (await alice.done("logout", "--yes")).out == "You are not logged in anywhere.\n"


@pytest.mark.parametrize(
    "words", [("logout",), ("login", "--token"), ("login", "--invitation")], ids=" ".join
)
async def test_a_token_that_works_is_not_lost_without_a_word(alice: Person, words: tuple[str, ...]) -> None:
    command, *options = words
    answer = await alice(command, alice.service.url, *options, "--json", typed="y\n")
    assert (answer.exit_code, answer.json["error"]["code"]) == (2, "consent")
    assert "keeps nowhere else" in answer.json["error"]["message"]
    await alice.done("whoami")


async def test_a_token_that_works_no_more_is_replaced_at_once(alice: Person) -> None:
    other = (await alice.done("token", "create", "--scope", "read", "write", "manage")).out
    me = (await alice.done("whoami", "--json")).json
    await alice.done("token", "revoke", me["token_id"], "--yes")
    await alice.done("login", alice.service.url, "--token", typed=other)
    assert (await alice.done("whoami", "--json")).json["token_id"] != me["token_id"]


@pytest.mark.parametrize(
    "options",
    [
        ["--bootstrap", "--token"],
        ["--email", "a@example.com", "--browser", "github"],
        ["--invitation", "--email", "a@example.com"],
        ["--token", "--user", "alice"],
    ],
    ids=" ".join,
)
async def test_ways_to_log_in_do_not_mix(bob: Person, options: list[str]) -> None:
    assert (await bob("login", bob.service.url, *options)).exit_code == 2


async def test_nothing_is_sent_to_another_machine_in_clear_text(bob: Person) -> None:
    for way in ("--bootstrap", "--token", "--invitation", "--browser=github"):
        answer = await bob("login", "http://192.0.2.1:8000", way, "--json", typed="coord_secret")
        assert (answer.exit_code, answer.json["error"]["code"]) == (2, "unsafe_url")


async def test_a_token_that_was_revoked_says_how_to_come_in_again(alice: Person) -> None:
    me = (await alice.done("whoami", "--json")).json
    await alice.done("token", "revoke", me["token_id"], "--yes")
    answer = await alice("status")
    assert answer.exit_code == 4
    assert answer.err.splitlines()[-1].endswith(f"login {alice.service.url}")
