"""The part of `coord workspace` that is about people: who belongs to the workspace, who is invited, who goes."""

import shlex
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from coordination.cli import listing, place
from coordination.cli.entrance import Yes, agreed, check_name, hosted
from coordination.cli.output import FAILED, OK, Json, emit, say, tell
from coordination.cli.status import as_json
from coordination.domain.text import clean

NAME: Final = 130
MEMBER_TITLES: Final = ("user", "role", "logs in", "since")
INVITATION_TITLES: Final = ("id", "user", "role", "by", "until")
_ROLE: Final = "An owner sees to members and everybody's tokens, a member works with agents, a viewer looks."

RoleName = Literal["owner", "member", "viewer"]
User = Annotated[str, Parameter(help="The name in the workspace, which stands in the URLs of the agents.")]
Role = Annotated[RoleName, Parameter(help=_ROLE)]


def register(workspace: App) -> None:
    """Add the commands to `coord workspace`."""
    for command in (members, invite, add, remove, leave, invitations, withdraw):
        workspace.command(command)
    workspace.command(change_role, name="role")


def members(*, json: Json = False) -> int:
    """List who belongs to the workspace."""
    with hosted() as client:
        found = client.members()
    if json:
        emit({"members": as_json(found)})
        return OK
    rows = [
        [one.user, one.role, "yes" if one.logs_in else "by tokens", listing.day(one.joined_at, "")]
        for one in found
    ]
    listing.show(MEMBER_TITLES, rows, "Nobody belongs to the workspace.")
    return OK


def invite(
    user: User,
    /,
    *,
    role: Role = "member",
    days: Annotated[
        int | None, Parameter(help="How long it can be accepted; 7 without it.", show_default=False)
    ] = None,
    json: Json = False,
) -> int:
    """Invite a person. The code is printed once, alone on standard output; give it to that person alone."""
    check_name("USER", user)
    with hosted() as client:
        made = client.invite(user, role, days)
        line = shlex.join(["login", client.url, "--invitation"])
    if json:
        emit({"code": made.code, **as_json(made.invitation)})
        return OK
    who, until = clean(made.invitation.user, NAME), listing.minute(made.invitation.expires_at, "")
    tell(
        f"Invited {who} as {made.invitation.role}. The code works once, until {until} UTC, and is shown this once:"
    )
    say(made.code)
    tell("Whoever has it types the command below and then the code:")
    tell(f"  {place.anywhere(line)}")
    return OK


def add(user: User, /, *, role: Role = "member", json: Json = False) -> int:
    """Add a member who does not log in, and works with tokens that an owner makes."""
    check_name("USER", user)
    with hosted() as client:
        made = client.add_member(user, role)
    if json:
        emit(as_json(made))
        return OK
    say(f"{clean(made.user, NAME)} is {made.role} now.")
    say(f"Make a token: {place.coord(f'token create --user {shlex.quote(made.user)}')}")
    return OK


def change_role(
    user: User,
    role: Annotated[RoleName, Parameter(help=_ROLE)],
    /,
    *,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Give a member another role, which counts within two seconds. Tokens that write end when one becomes a viewer."""
    with hosted() as client:
        who = clean(user, NAME)
        lost = f"Tokens of {who} that write are revoked, logins among them, which cannot be undone."
        if role == "viewer" and not agreed(f"Make {who} a viewer? {lost}", yes=yes):
            return FAILED
        changed = client.change_member(user, role)
    if json:
        emit(as_json(changed))
        return OK
    say(f"{clean(changed.user, NAME)} is {changed.role} now.")
    if role == "viewer":
        say(
            f"Make a token that reads: {place.coord(f'token create --user {shlex.quote(user)} --scope read')}"
        )
    return OK


def remove(user: User, /, *, yes: Yes = False, json: Json = False) -> int:
    """Remove a member; all tokens of that member are revoked."""
    who = clean(user, NAME)
    with hosted() as client:
        if not agreed(f"Remove {who}? All tokens of {who} are revoked, which cannot be undone.", yes=yes):
            return FAILED
        left = client.remove_member(user)
    if json:
        emit(left.model_dump())
    else:
        say(f"{clean(left.user, NAME)} is no member any more; {left.tokens_revoked} token(s) were revoked.")
    return OK


def leave(*, yes: Yes = False, json: Json = False) -> int:
    """Leave the workspace; all your tokens there are revoked. The last owner cannot."""
    with hosted() as client:
        me = client.me()
        name = clean(me.workspace_name, NAME)
        if not agreed(
            f"Leave workspace {name}? Your tokens there are revoked, which cannot be undone.", yes=yes
        ):
            return FAILED
        left = client.remove_member(me.user)
    if json:
        emit(left.model_dump())
    else:
        say(f"You left workspace {name}; {left.tokens_revoked} token(s) were revoked.")
    return OK


def invitations(*, json: Json = False) -> int:
    """List the invitations that nobody accepted yet, without their codes."""
    with hosted() as client:
        found = client.invitations()
    if json:
        emit({"invitations": as_json(found)})
        return OK
    rows = [[one.id, one.user, one.role, one.created_by, listing.minute(one.expires_at, "")] for one in found]
    listing.show(INVITATION_TITLES, rows, "Nobody is invited.")
    return OK


def withdraw(
    invitation_id: Annotated[
        str, Parameter(name="ID", help="The id, as `coord workspace invitations` shows it.")
    ],
    /,
    *,
    json: Json = False,
) -> int:
    """Withdraw an invitation: its code works no more."""
    with hosted() as client:
        gone = client.withdraw(invitation_id)
    if json:
        emit({"id": gone.id, "change": "withdrawn"})
    else:
        say(f"The invitation {clean(gone.id, NAME)} cannot be accepted any more.")
    return OK
