"""`coord token`: make, list and revoke the tokens that agents connect to a hosted service with.

A token's secret is printed when it is made, alone on standard output, and never again.
"""

from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

from coordination.cli import listing, place
from coordination.cli.entrance import Yes, agreed, check_name, hosted
from coordination.cli.output import FAILED, OK, Json, emit, say, tell
from coordination.cli.status import as_json
from coordination.domain.text import clean

if TYPE_CHECKING:
    from coordination.domain.agent_token import AgentToken

NAME: Final = 130
ANY: Final = "any"
SCOPES_EXAMPLE: Final = "read write"
TITLES: Final = ("id", "user", "session", "agent", "role", "may", "until", "last used", "label")

token = App(
    name="token",
    help="Make, list and revoke tokens of a hosted service.",
    help_epilogue="""Examples:

    coord token create --session demo
    coord token create --agent impl_a --session demo --role implementer --days 7 --label "laptop"
    coord token create --scope read --label dashboard > dashboard.token
    coord token list
    coord token revoke 0123456789ab
""",
    usage="Usage: coord token [list | create [OPTIONS] | revoke ID]",
)

Bound = Annotated[str | None, Parameter(show_default=False)]


def register(app: App) -> None:
    """Add the commands to `app`."""
    app.command(token)


@token.command
def create(
    *,
    user: Annotated[
        str | None, Parameter(help="Whose it is; an owner may name another member.", show_default=False)
    ] = None,
    session: Annotated[
        str | None, Parameter(help="The one session that it is for; any without it.", show_default=False)
    ] = None,
    agent: Annotated[
        str | None, Parameter(help="The one agent that it is for; any without it.", show_default=False)
    ] = None,
    role: Annotated[
        Literal["planner", "implementer"] | None,
        Parameter(help="The role of its agent; without it the agent's name decides.", show_default=False),
    ] = None,
    scope: Annotated[
        list[Literal["read", "write", "manage"]] | None,
        Parameter(
            negative="",
            consume_multiple=True,
            show_default=False,
            help="What it is for: to look, to act, to see to tokens and members; read and write without it.",
        ),
    ] = None,
    label: Annotated[
        str | None, Parameter(help="What you call it, to know it again.", show_default=False)
    ] = None,
    days: Annotated[
        int | None, Parameter(help="How long it works; 90 without it.", show_default=False)
    ] = None,
    json: Json = False,
) -> int:
    """Make a token. Its secret is printed once, alone on standard output; the service keeps only a digest."""
    for field, name in (("--user", user), ("--session", session), ("--agent", agent)):
        check_name(field, name)
    with hosted() as client:
        made = client.create_token(
            user=user, session=session, agent=agent, role=role, scopes=scope, label=label, days=days
        )
    if json:
        emit({"secret": made.secret, "workspace": made.workspace, **as_json(made.token)})
        return OK
    tell(f"Made token {made.token.id}: {_told(made.token)}.")
    tell("It is shown this once; whoever has it can use it:")
    say(made.secret)
    tell(f"Revoke it: {place.coord(f'token revoke {made.token.id}')}")
    return OK


@token.default
@token.command(name="list")
def show(*, json: Json = False) -> int:
    """List your tokens that still work, without their secrets; an owner sees everybody's."""
    with hosted() as client:
        found = client.tokens()
    if json:
        emit({"tokens": as_json(found)})
        return OK
    listing.show(TITLES, [_row(one) for one in found], "There is no token.")
    return OK


@token.command
def revoke(
    token_id: Annotated[str, Parameter(name="ID", help="The id, as `coord token list` shows it.")],
    /,
    *,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Let a token work no more, everywhere within two seconds. It cannot be undone; make another one instead."""
    which = clean(token_id, NAME)
    with hosted() as client:
        if not agreed(f"Revoke token {which}? Its agents are cut off, and it cannot be undone.", yes=yes):
            return FAILED
        gone = client.revoke_token(token_id)
    if json:
        emit({"id": gone.id, "change": "revoked"})
    else:
        say(f"Revoked token {clean(gone.id, NAME)}. Whoever uses it is refused within two seconds.")
    return OK


def _told(made: "AgentToken") -> str:
    """Say what a token is for, in a line."""
    role = made.role or "role by the agent's name"
    until = f"until {listing.day(made.expires_at, '')}" if made.expires_at is not None else "for ever"
    return (
        f"user {clean(made.user, NAME)}, session {clean(made.session or ANY, NAME)}, "
        f"agent {clean(made.agent or ANY, NAME)}, {role}, may {' and '.join(made.scopes)}, {until}"
    )


def _row(one: "AgentToken") -> list[str]:
    return [
        one.id,
        one.user,
        one.session or ANY,
        one.agent or ANY,
        one.role or "by name",
        " ".join(one.scopes),
        listing.day(one.expires_at, "for ever"),
        listing.minute(one.last_used_at, "never"),
        one.label,
    ]
