"""`coord login`, `coord logout`, `coord whoami`: who one is at a hosted service.

Each way of logging in ends with a login in the person's login file (`client.login_file`); the secret is never printed.
What is said to a Supabase project is in `supabase`.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from coordination.cli import entrance, place, supabase, target
from coordination.cli.entrance import Yes, agreed
from coordination.cli.output import FAILED, OK, USAGE, Failure, Json, emit, facts, say, tell
from coordination.cli.place import Remote, Target
from coordination.cli.refusals import UNAUTHORIZED
from coordination.domain.text import clean

if TYPE_CHECKING:
    from coordination.client.login_file import Login
    from coordination.client.workspace import WorkspaceClient
    from coordination.wire.workspace import Me

NAME: Final = 130
BOOTSTRAP_VARIABLE: Final = "COORDINATION_BOOTSTRAP_TOKEN"
INVITATION_VARIABLE: Final = "COORDINATION_INVITATION"
ANY: Final = "any"
LOST: Final = "a token that this machine keeps nowhere else, and that nobody can be shown again."
_LOGIN_EXAMPLES: Final = """Examples:

    coord login https://coordination.example.com --bootstrap
    coord login https://coordination.example.com
    coord login https://coordination.example.com --email alice@example.com
    coord login https://coordination.example.com --invitation
    coord login https://coordination.example.com --token < token.txt
"""
_LOGOUT_EXAMPLES: Final = """Examples:

    coord logout
    coord logout https://coordination.example.com
"""
_WHOAMI_EXAMPLES: Final = """Examples:

    coord whoami
    COORDINATION_URL=https://coordination.example.com coord whoami --json
"""

Url = Annotated[str, Parameter(help="The address of the service, such as https://coordination.example.com.")]


def _flag(text: str) -> Parameter:
    return Parameter(negative="", show_default=False, help=text)


def register(app: App) -> None:
    """Add the commands to `app`."""
    app.command(login, help_epilogue=_LOGIN_EXAMPLES, usage="Usage: coord login URL [OPTIONS]")
    app.command(logout, help_epilogue=_LOGOUT_EXAMPLES, usage="Usage: coord logout [URL]")
    app.command(whoami, help_epilogue=_WHOAMI_EXAMPLES)


def login(
    url: Url,
    /,
    *,
    bootstrap: Annotated[
        bool, _flag("Make the first workspace and own it, with the service's bootstrap token.")
    ] = False,
    token: Annotated[bool, _flag("With a token that somebody made for you.")] = False,
    invitation: Annotated[bool, _flag("With the code of an invitation.")] = False,
    email: Annotated[
        str | None, Parameter(help="Where to send the one-time code to; asked for without it.")
    ] = None,
    browser: Annotated[
        str | None, Parameter(help="Log in with the browser instead, through this provider, such as github.")
    ] = None,
    user: Annotated[
        str | None,
        Parameter(help="With --bootstrap: your name, which stands in the URLs of your agents."),
    ] = None,
    workspace_name: Annotated[
        str | None, Parameter(help="With --bootstrap: what people call the workspace.")
    ] = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Log in at a hosted service; it becomes the one that commands talk to where no local one runs.

    Without an option you log in as a person, with a one-time code that is sent by e-mail, or with the browser. Secrets
    are asked for without being shown, or read from standard input, or from COORDINATION_BOOTSTRAP_TOKEN,
    COORDINATION_TOKEN and COORDINATION_INVITATION; never from the command line. It asks before it replaces a login
    whose token still works, because that token is kept nowhere else.
    """
    ways = [bootstrap, token, invitation, email is not None or browser is not None]
    if sum(ways) > 1 or (email is not None and browser is not None):
        raise _usage("Choose one way to log in.")
    if not bootstrap and (user is not None or workspace_name is not None):
        raise _usage("--user and --workspace-name are for --bootstrap.")
    at = target.address(url)
    entrance.require_safe(at)
    if not _may_be_replaced(at, yes=yes):
        return FAILED
    if bootstrap:
        _bootstrap(at, user, workspace_name)
    elif token:
        _keep_token(at, entrance.secret("Token", place.TOKEN_VARIABLE))
    elif invitation:
        _accept(at)
    else:
        _as_person(at, email, browser)
    found = target.hosted(at)
    with entrance.reaching(found) as client:
        me = client.me()
    if json:
        emit({"url": at, **me.model_dump()})
        return OK
    say(f"Logged in at {at} as {_who(me)}.")
    say("Commands talk to it where no local service runs.")
    say(f"Connect a folder: {place.coord('connect demo')}")
    return OK


def _may_be_replaced(url: str, *, yes: bool) -> bool:
    """Ask before a login is replaced whose token would be lost and still works."""
    known = target.kept(url)
    if known is None or known.token is None or yes:
        return True
    try:
        with entrance.reaching(target.hosted(url)) as client:
            me = client.me()
    except Failure as failure:
        if failure.code != UNAUTHORIZED:
            raise
        return True
    who = f"You are logged in at {url} as {clean(me.user, NAME)}"
    return agreed(f"{who}, with {LOST} Replace it?", yes=False)


def _bootstrap(url: str, user: str | None, workspace_name: str | None) -> None:
    entrance.check_name("--user", user)
    secret = entrance.secret("Bootstrap token", BOOTSTRAP_VARIABLE)
    mend = f"It is {BOOTSTRAP_VARIABLE} where the service runs. Then once more: {place.again()}"
    with _refused("That is not the bootstrap token.", mend), _coming_to(url, secret) as client:
        made = client.bootstrap(user or place.user(), workspace_name)
    keep(_login(url, made.workspace, made.user, made.secret))


def _keep_token(url: str, secret: str) -> None:
    why = f"The token does not work at {url}: it was revoked, has expired, was cut off, or is for another service."
    mend = f"Ask whoever made it for another one. With that: {place.again()}"
    with _refused(why, mend), _coming_to(url, secret) as client:
        me = client.me()
    keep(_login(url, me.workspace, me.user, secret))


@contextmanager
def _refused(message: str, mend: str) -> Generator[None]:
    """Say what it means when the secret that was just given is not taken."""
    try:
        yield
    except Failure as failure:
        if failure.code != UNAUTHORIZED:
            raise
        raise Failure(message, mend=mend, exit_code=failure.exit_code, code=failure.code) from None


def _coming_to(url: str, secret: str | None) -> AbstractContextManager["WorkspaceClient"]:
    return entrance.reaching(Target(url, secret, None, Remote(None, None, True)))


def _accept(url: str) -> None:
    """Accept an invitation: as the person who is logged in there, else for a token."""
    known = target.kept(url)
    person = known is not None and known.supabase is not None
    found = target.hosted(url) if person else Target(url, None, None, Remote(None, None, True))
    code = entrance.secret("Code of the invitation", INVITATION_VARIABLE)
    with entrance.reaching(found) as client:
        accepted = client.accept(code)
    joined = accepted.workspace
    if accepted.secret is not None or known is None:
        keep(_login(url, joined.id, joined.user, accepted.secret))
    else:
        keep(replace(known, workspace=joined.id, user=joined.user))


def _as_person(url: str, email: str | None, provider: str | None) -> None:
    with _coming_to(url, None) as client:
        offer = client.offer()
    if offer.supabase_url is None or offer.supabase_key is None:
        first = f"{place.coord(f'login {url} --bootstrap')}\n" if offer.bootstrap else ""
        raise Failure(
            f"{url} has no login for people: it works with tokens and invitations.",
            mend=f"{first}{place.coord(f'login {url} --invitation')}\n{place.coord(f'login {url} --token')}",
            exit_code=USAGE,
            code="no_login",
        )
    session = supabase.log_in(url, offer.supabase_url, offer.supabase_key, email, provider)
    keep(replace(_login(url, None, None, None), supabase=session))
    with entrance.reaching(target.hosted(url)) as client:
        me = client.me()
    known = target.kept(url)
    if known is not None:
        keep(replace(known, workspace=me.workspace, user=me.user))


def logout(
    url: Annotated[
        str | None, Parameter(help="The service; without it the one of the default login.")
    ] = None,
    /,
    *,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Forget a login. A person's session is ended; a token works on elsewhere, and is lost if it is kept nowhere."""
    from coordination.client import login_file  # noqa: PLC0415 - httpx, which `coord --help` need not wait for

    known = target.kept(None if url is None else target.address(url))
    if known is None:
        where = "anywhere" if url is None else f"at {target.address(url)}"
        if json:
            emit({"url": url, "change": "unchanged"})
        else:
            say(f"You are not logged in {where}.")
        return OK
    if known.token is not None and not agreed(
        f"You are logged in at {known.url} with {LOST} Forget it?", yes=yes
    ):
        return FAILED
    ended = known.supabase is None or supabase.end(known.supabase)
    login_file.forget(target.folder(), known.url)
    if json:
        emit({"url": known.url, "change": "removed", "ended": known.supabase is not None and ended})
        return OK
    say(f"Logged out at {known.url}.")
    if known.token is not None:
        tell("Its token works on where else it is kept, until it expires or an owner revokes it.")
    elif not ended:
        tell("The Supabase project did not answer, so the session there ends by itself.")
    return OK


def whoami(*, json: Json = False) -> int:
    """Show who you are at the hosted service that is meant, in which workspace, and what you may do there."""
    found = target.hosted()
    with entrance.reaching(found) as client:
        me = client.me()
    how = "the login" if found.remote is not None and found.remote.logged_in else place.TOKEN_VARIABLE
    if json:
        emit({"url": found.url, "credential": how, **me.model_dump()})
        return OK
    facts(
        [
            ("service", found.url),
            ("workspace", f"{clean(me.workspace_name, NAME)} ({clean(me.workspace, NAME)})"),
            ("user", clean(me.user, NAME)),
            ("role", me.role),
            ("may", ", ".join(me.scopes)),
            ("session", clean(me.session or ANY, NAME)),
            ("agent", clean(me.agent or ANY, NAME)),
            ("credential", f"{how}, " + ("a person's" if me.token_id is None else f"token {me.token_id}")),
        ]
    )
    return OK


def keep(login: "Login") -> None:
    """Keep a login as the default one.

    Raises:
        Failure: the file is one that nobody should trust, or cannot be written.
    """
    from coordination.client import login_file  # noqa: PLC0415 - as above

    try:
        login_file.write(target.folder(), login)
    except OSError as error:
        raise Failure(str(error)) from None


def _login(url: str, workspace: str | None, user: str | None, token: str | None) -> "Login":
    from coordination.client.login_file import Login  # noqa: PLC0415 - as above

    return Login(url=url, workspace=workspace, user=user, token=token)


def _who(me: "Me") -> str:
    return f"{clean(me.user, NAME)}, {me.role} of workspace {clean(me.workspace_name, NAME)}"


def _usage(message: str) -> Failure:
    return Failure(message, mend=f"See: {place.coord('login --help')}", exit_code=USAGE, code="usage")
