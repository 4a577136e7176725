"""`coord workspace` at a hosted service: who belongs to it, who comes, who goes."""

from __future__ import annotations

import pytest

from tests.integration.cli.hosted import Person


async def come_in(alice: Person, person: Person, role: str = "member") -> None:
    """Invite somebody, who accepts."""
    invited = await alice.done("workspace", "invite", person.name, "--role", role)
    await person.done("login", person.service.url, "--invitation", typed=invited.out)


async def roles(alice: Person) -> dict[str, str]:
    """The members by name, with their roles."""
    found = (await alice.done("workspace", "members", "--json")).json["members"]
    return {member["user"]: member["role"] for member in found}


async def test_members_come_by_invitation_or_are_added(alice: Person, bob: Person) -> None:
    await come_in(alice, bob, "viewer")
    added = await alice.done("workspace", "add", "build")
    assert "token create --user build" in added.out
    assert await roles(alice) == {"alice": "owner", "bob": "viewer", "build": "member"}
    told = (await alice.done("workspace", "members")).out.splitlines()
    assert told[0].split() == ["user", "role", "logs", "in", "since"]
    assert [line.split()[0] for line in told[1:]] == ["alice", "bob", "build"]


async def test_an_invitation_can_be_seen_and_withdrawn(alice: Person, bob: Person) -> None:
    made = (await alice.done("workspace", "invite", "bob", "--days", "1", "--json")).json
    listed = await alice.done("workspace", "invitations")
    assert made["id"] in listed.out
    assert made["code"] not in listed.out
    await alice.done("workspace", "withdraw", made["id"])
    answer = await bob("login", bob.service.url, "--invitation", typed=made["code"])
    assert answer.exit_code == 4
    assert (await alice.done("workspace", "invitations")).out == "Nobody is invited.\n"


async def test_a_role_counts_at_once(alice: Person, bob: Person) -> None:
    await come_in(alice, bob)
    await bob.done("token", "create")
    asked = await alice("workspace", "role", "bob", "viewer")
    assert (asked.exit_code, "Tokens of bob that write are revoked" in asked.err) == (2, True)
    answer = await alice.done("workspace", "role", "bob", "viewer", "--yes")
    assert "coord token create --user bob --scope read" in answer.out
    refused = await bob("token", "create")
    assert refused.exit_code == 4
    assert await roles(alice) == {"alice": "owner", "bob": "viewer"}


async def test_who_is_removed_has_no_token_that_works(alice: Person, bob: Person) -> None:
    await come_in(alice, bob)
    await bob.done("token", "create")
    answer = await alice.done("workspace", "remove", "bob", "--yes")
    assert answer.out == "bob is no member any more; 2 token(s) were revoked.\n"
    assert (await bob("whoami")).exit_code == 4
    assert await roles(alice) == {"alice": "owner"}


async def test_one_can_leave_but_the_last_owner_cannot(alice: Person, bob: Person) -> None:
    await come_in(alice, bob)
    left = await bob.done("workspace", "leave", "--yes")
    assert left.out.startswith("You left workspace team; 1 token(s)")
    stays = await alice("workspace", "leave", "--yes", "--json")
    assert (stays.exit_code, stays.json["error"]["code"]) == (4, "last_owner")
    assert await roles(alice) == {"alice": "owner"}


@pytest.mark.parametrize("words", [("remove", "bob"), ("leave",)], ids=" ".join)
async def test_nobody_goes_where_nobody_can_be_asked(
    alice: Person, bob: Person, words: tuple[str, ...]
) -> None:
    await come_in(alice, bob)
    answer = await alice("workspace", *words, typed="y\n")
    assert answer.exit_code == 2
    assert answer.err.splitlines()[-1].endswith(f"workspace {' '.join(words)} --yes")
    assert len(await roles(alice)) == 2


@pytest.mark.parametrize(
    "words",
    [
        ("invite", "carol"),
        ("add", "carol"),
        ("role", "alice", "viewer", "--yes"),
        ("remove", "alice", "--yes"),
    ],
    ids=" ".join,
)
async def test_who_is_no_owner_is_refused_and_told_where_to_look(
    alice: Person, bob: Person, words: tuple[str, ...]
) -> None:
    await come_in(alice, bob)
    answer = await bob("workspace", *words)
    assert answer.exit_code == 4
    assert answer.err.splitlines()[-1].endswith("whoami")
    assert await roles(alice) == {"alice": "owner", "bob": "member"}


async def test_a_name_is_given_once(alice: Person, bob: Person) -> None:
    await come_in(alice, bob)
    answer = await alice("workspace", "add", "bob", "--json")
    assert (answer.exit_code, answer.json["error"]["code"]) == (4, "member_exists")


async def test_the_workspaces_of_a_token_are_its_one(alice: Person) -> None:
    listed = (await alice.done("workspace", "list", "--json")).json
    assert listed["current"] == "local"
    assert [(one["id"], one["role"]) for one in listed["workspaces"]] == [("local", "owner")]
    assert "commands work here" in (await alice.done("workspace")).out
    refused = await alice("workspace", "use", "team")
    assert (refused.exit_code, "token is of one workspace" in refused.err) == (2, True)
    unknown = await alice("workspace", "use", "nowhere")
    assert (unknown.exit_code, "no workspace nowhere" in unknown.err) == (1, True)
    made = await alice("workspace", "create", "Green", "--json")
    assert (made.exit_code, made.json["error"]["code"]) == (4, "forbidden")


async def test_another_workspace_than_that_of_the_token_is_refused(alice: Person) -> None:
    answer = await alice("sessions", "--json", COORDINATION_WORKSPACE="elsewhere")
    assert (answer.exit_code, answer.json["error"]["code"]) == (4, "forbidden")
