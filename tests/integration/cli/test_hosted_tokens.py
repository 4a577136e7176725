"""`coord token` at a hosted service: secrets are shown once, say what they are for, and end when they are revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.cli.hosted import Person


async def test_the_secret_stands_alone_on_standard_output_and_nowhere_later(alice: Person) -> None:
    made = await alice.done("token", "create", "--session", "demo", "--label", "laptop", "--days", "7")
    [secret] = made.out.splitlines()
    assert len(secret) == len("coord_") + 43
    assert secret not in made.err
    assert "user alice, session demo, agent any, role by the agent's name, may read and write" in made.err
    assert "shown this once" in made.err
    listed = await alice.done("token", "list")
    assert "laptop" in listed.out
    assert secret not in listed.out + (await alice.done("token", "list", "--json")).out


async def test_a_token_is_bound_to_what_was_said(alice: Person) -> None:
    words = (
        "--session",
        "demo",
        "--agent",
        "impl_a",
        "--role",
        "implementer",
        "--scope",
        "read",
        "--days",
        "7",
    )
    made = (await alice.done("token", "create", *words, "--json")).json
    told = {name: made[name] for name in ("user", "session", "agent", "role", "scopes", "workspace")}
    assert told == {
        "user": "alice",
        "session": "demo",
        "agent": "impl_a",
        "role": "implementer",
        "scopes": ["read"],
        "workspace": "local",
    }
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6) < left < timedelta(days=8)
    variables = {"COORDINATION_URL": alice.service.url, "COORDINATION_TOKEN": made["secret"]}
    me = (await alice.done("whoami", "--json", **variables)).json
    assert (me["credential"], me["session"], me["agent"]) == ("COORDINATION_TOKEN", "demo", "impl_a")
    refused = await alice("token", "create", **variables)
    assert refused.exit_code == 4
    assert refused.err.splitlines()[-1].endswith("whoami")


async def test_a_token_with_all_scopes_makes_others(alice: Person) -> None:
    secret = (await alice.done("token", "create", "--scope", "read", "write", "manage")).out.strip()
    variables = {"COORDINATION_URL": alice.service.url, "COORDINATION_TOKEN": secret}
    assert (await alice.done("token", "create", **variables)).out.startswith("coord_")


async def test_a_revoked_token_is_refused_and_stays_so(alice: Person) -> None:
    made = (await alice.done("token", "create", "--json")).json
    variables = {"COORDINATION_URL": alice.service.url, "COORDINATION_TOKEN": made["secret"]}
    await alice.done("sessions", **variables)
    gone = await alice.done("token", "revoke", made["id"], "--yes")
    assert gone.out.startswith(f"Revoked token {made['id']}.")
    refused = await alice("sessions", **variables)
    assert refused.exit_code == 4
    assert "COORDINATION_TOKEN is not good there" in refused.err
    assert "Authorization" not in refused.err
    assert made["id"] not in (await alice.done("token")).out
    again = await alice("token", "revoke", made["id"], "--yes", "--json")
    assert (again.exit_code, again.json["error"]["code"]) == (4, "not_found")


async def test_a_login_that_was_revoked_is_told_as_that(alice: Person, bob: Person) -> None:
    await alice.done("workspace", "add", "bob")
    made = (await alice.done("token", "create", "--user", "bob", "--json")).json
    await bob.done("login", bob.service.url, "--token", typed=made["secret"])
    await alice.done("token", "revoke", made["id"], "--yes")
    refused = await bob("sessions")
    assert refused.exit_code == 4
    assert (
        f"Your login at {bob.service.url} is not taken any more: it was revoked, or has expired."
        in refused.err
    )


async def test_where_nobody_can_be_asked_nothing_is_revoked_without_yes(alice: Person) -> None:
    made = (await alice.done("token", "create", "--json")).json
    answer = await alice("token", "revoke", made["id"], "--json", typed="y\n")
    assert (answer.exit_code, answer.json["error"]["code"]) == (2, "consent")
    assert f"token revoke {made['id']} --json --yes" in answer.json["error"]["mend"]
    assert made["id"] in (await alice.done("token", "list")).out


async def test_an_owner_sees_everybodys_tokens_and_a_member_the_own_ones(alice: Person, bob: Person) -> None:
    invited = await alice.done("workspace", "invite", "bob")
    await bob.done("login", bob.service.url, "--invitation", typed=invited.out)
    await bob.done("token", "create", "--label", "of-bob")
    await alice.done("token", "create", "--label", "of-alice")
    assert {"of-bob", "of-alice"} <= set((await alice.done("token", "list")).out.split())
    seen = (await bob.done("token", "list")).out
    assert "of-bob" in seen
    assert "of-alice" not in seen
    refused = await bob("token", "create", "--user", "alice", "--json")
    assert (refused.exit_code, refused.json["error"]["code"]) == (4, "forbidden")


@pytest.mark.parametrize(
    "words", [("--session", "a__b"), ("--agent", ""), ("--user", "a b"), ("--days", "0")]
)
async def test_what_cannot_be_is_refused_and_nothing_is_made(alice: Person, words: tuple[str, str]) -> None:
    before = (await alice.done("token", "list", "--json")).json
    answer = await alice("token", "create", *words)
    assert answer.exit_code in {2, 4}
    assert words[0].lstrip("-") in answer.err
    assert (await alice.done("token", "list", "--json")).json == before


async def test_other_commands_say_which_service_is_meant_and_record_the_login(alice: Person) -> None:
    await alice.service.core.database.fetch(
        "INSERT INTO claude_code_sessions (workspace_id, id, name, user_id) VALUES ('local', 'demo', 'demo', 'alice')"
    )
    answer = await alice.done("sessions", "close", "demo")
    assert answer.err == f"At {alice.service.url} as alice:\n"
    assert alice.service.url not in answer.out
    [[by]] = await alice.service.core.database.fetch(
        "SELECT agent_id FROM coordination_events WHERE session_id = 'demo' AND kind = 'session.closed'"
    )
    assert by == "alice"
    token = (await alice.done("token", "create")).out.strip()
    variables = {"COORDINATION_URL": alice.service.url, "COORDINATION_TOKEN": token}
    answer = await alice.done("sessions", "set", "demo", "--across-checkouts", "block", **variables)
    assert answer.err == f"At {alice.service.url}:\n"
