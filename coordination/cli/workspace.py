"""`coord workspace`: the workspaces of a person at a hosted service, and which of them commands work in.

Its members and invitations are in `members`.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from coordination.cli import listing, members, place, target
from coordination.cli.entrance import check_name, hosted
from coordination.cli.login import keep
from coordination.cli.output import FAILED, OK, USAGE, Failure, Json, emit, say
from coordination.cli.status import as_json
from coordination.domain.text import clean

if TYPE_CHECKING:
    from coordination.domain.workspace import Workspace

NAME: Final = 130
TITLES: Final = ("id", "name", "you are", "role", "")
workspace = App(
    name="workspace",
    help="See to the workspaces of a hosted service and who belongs to them.",
    help_epilogue="""Examples:

    coord workspace list
    coord workspace create "Team Blue"
    coord workspace use ws_0123456789abcdef
    coord workspace members
    coord workspace invite bob --role member
    coord workspace invitations
    coord workspace withdraw 0123456789ab
    coord workspace add build
    coord workspace role bob viewer
    coord workspace remove bob
    coord workspace leave
""",
    usage="Usage: coord workspace [list | create NAME | use ID | members | invite USER | add USER | role USER ROLE | "
    "remove USER | leave | invitations | withdraw ID]",
)


def register(app: App) -> None:
    """Add the commands to `app`."""
    members.register(workspace)
    app.command(workspace)


@workspace.default
@workspace.command(name="list")
def show(*, json: Json = False) -> int:
    """List the workspaces that you belong to; a token belongs to one."""
    with hosted() as client:
        found = client.workspaces()
        current = client.me().workspace
    if json:
        emit({"current": current, "workspaces": as_json(found)})
        return OK
    rows = [[one.id, one.name, one.user, one.role, _marks(one, current=one.id == current)] for one in found]
    listing.show(TITLES, rows, "You belong to no workspace.")
    return OK


@workspace.command
def create(
    name: Annotated[str, Parameter(help="What people call it.")],
    /,
    *,
    user: Annotated[
        str | None, Parameter(help="Your name in it; without it the one here.", show_default=False)
    ] = None,
    json: Json = False,
) -> int:
    """Make a workspace, which you own. Commands go on to work in the one they did."""
    check_name("--user", user)
    with hosted() as client:
        made = client.create_workspace(name, user)
    if json:
        emit(as_json(made))
        return OK
    say(f"Made workspace {clean(made.name, NAME)} ({made.id}); you are {clean(made.user, NAME)} there.")
    say(f"Work in it: {place.coord(f'workspace use {made.id}')}")
    return OK


@workspace.command
def use(
    which: Annotated[str, Parameter(name="ID", help="Its id, or its name when only one has that.")],
    /,
    *,
    json: Json = False,
) -> int:
    """Have commands work in another workspace from now on; for one command COORDINATION_WORKSPACE does."""
    with hosted() as client:
        chosen = _one(client.workspaces(), which)
    found = target.hosted()
    login = target.kept(found.url)
    if found.remote is None or not found.remote.logged_in or login is None or login.supabase is None:
        raise Failure(
            "A token is of one workspace; only a person's login can go to another.",
            mend=f"Log in with a token of that workspace: {place.coord(f'login {found.url} --token')}",
            code="usage",
            exit_code=USAGE,
        )
    keep(replace(login, workspace=chosen.id, user=chosen.user))
    if json:
        emit(as_json(chosen))
    else:
        say(f"Commands work in {clean(chosen.name, NAME)} ({chosen.id}) now, as {clean(chosen.user, NAME)}.")
    return OK


def _one(known: "list[Workspace]", which: str) -> "Workspace":
    """Return the workspace of that id, or the only one of that name.

    Raises:
        Failure: there is none, or there are several.
    """
    found = [one for one in known if one.id == which] or [one for one in known if one.name == which]
    if len(found) == 1:
        return found[0]
    several = f"Several workspaces are called {clean(which, NAME)}; give the id."
    raise Failure(
        several if found else f"You belong to no workspace {clean(which, NAME)}.",
        mend=f"See which there are: {place.coord('workspace list')}",
        exit_code=FAILED,
    )


def _marks(one: "Workspace", *, current: bool) -> str:
    return ", ".join(["personal"] * one.personal + ["commands work here"] * current)
