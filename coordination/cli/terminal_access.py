"""The token that the terminals of a folder come to a hosted service with: made or found again, checked, revoked.

It is made for the person and one session, any agent of it, to read and write and no more, so that six terminals of the
folder share it and nothing else can be done with it. Where the login itself is a token that makes no others, as an
owner gives it to somebody, that one serves. Where it lies is in `client.terminal_token`.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coordination.cli import entrance, place, target
from coordination.cli.output import FAILED, Failure, tell
from coordination.cli.place import Target
from coordination.domain.text import clean

if TYPE_CHECKING:
    from coordination.client.terminal_token import TerminalToken
    from coordination.client.workspace import WorkspaceClient
    from coordination.wire.workspace import Me

ENOUGH: Final = timedelta(days=7)
"""A token that works for less is made anew, so that it does not end within the week."""
LABEL: Final = 100
SCOPES: Final = ["read", "write"]
_KEY: Final = re.compile(r" headers ([0-9a-f]{16})$")


@dataclass(frozen=True, slots=True)
class Access:
    """How the terminals of a folder come in.

    Attributes:
        user: the name in their URLs.
        key: under which the token is kept.
    """

    user: str
    key: str


def obtain(found: Target, user: str | None, session: str, project: Path) -> Access:
    """Return how the terminals of a project folder come into a session, with a token that works.

    Args:
        found: the hosted service.
        user: the name that was typed; None for that of the login.
        session: the session.
        project: the folder under which Claude Code keeps the entry.

    Raises:
        Failure: the service does not answer or refused, or the token cannot be kept.
    """
    from coordination.client import terminal_token  # noqa: PLC0415 - for hosted services alone

    with entrance.reaching(found) as client:
        me = client.me()
        name = user or me.user
        at = terminal_token.endpoint(found.url, name, session)
        key = terminal_token.key(at, me.workspace, project)
        if not works(found.url, read(key)):
            _keep(key, _own(found, me, at, session) or _make(client, at, name, session, project))
    return Access(name, key)


def read(key: str) -> "TerminalToken | None":
    """Return the token under a key, None when there is none.

    Raises:
        Failure: its file is one that nobody should trust.
    """
    from coordination.client import private_file, terminal_token  # noqa: PLC0415 - as above

    try:
        return terminal_token.read(target.folder(), key)
    except private_file.UnusableFile as error:
        raise Failure(str(error), exit_code=FAILED) from None


def key_of(entry: dict[str, object] | None) -> str | None:
    """Return the key that an entry of Claude Code names, None when it names none."""
    found = _KEY.search(str((entry or {}).get("headersHelper", "")))
    return None if found is None else found[1]


def give_up(key: str) -> bool:
    """Forget the token under a key, and revoke it if it was made for this folder; returns whether that was done."""
    from coordination.client import terminal_token  # noqa: PLC0415 - as above

    token = read(key)
    if token is None:
        return False
    revoked = token.made and _revoke(token)
    terminal_token.forget(target.folder(), key)
    return revoked


def _revoke(token: "TerminalToken") -> bool:
    """Revoke a token with the login at its service; where that cannot be, say how to do it."""
    url = token.endpoint.partition("/mcp/v2/")[0]
    try:
        with entrance.reaching(target.hosted(url)) as client:
            if client.me().workspace != token.workspace:
                raise Failure("It is of another workspace.")
            client.revoke_token(token.token_id)
    except Failure as failure:
        if failure.code == "not_found":
            return True
        line = place.coord(f"token revoke {token.token_id}", **{place.URL_VARIABLE: url})
        tell(f"The token {token.token_id} could not be revoked: {failure.message} Revoke it: {line}")
        return False
    return True


def works(url: str, token: "TerminalToken | None") -> bool:
    """Return whether a token is there, is taken by the service, and will be for a while."""
    from coordination.client.errors import RequestRefused  # noqa: PLC0415 - as above

    if token is None:
        return False
    if token.expires_at is not None and datetime.fromisoformat(token.expires_at) < datetime.now(UTC) + ENOUGH:
        return False
    with suppress(RequestRefused), entrance.connection(url, token.secret) as client:
        return client.me().workspace == token.workspace
    return False


def _own(found: Target, me: "Me", at: str, session: str) -> "TerminalToken | None":
    """Return the token of the login, where it is one that makes no others and that fits the session."""
    from coordination.client.terminal_token import TerminalToken  # noqa: PLC0415 - as above

    secret = found.bearer
    if me.token_id is None or secret is None or "manage" in me.scopes or me.session not in {None, session}:
        return None
    return TerminalToken(at, me.workspace, me.token_id, None, False, secret)


def _make(client: "WorkspaceClient", at: str, user: str, session: str, project: Path) -> "TerminalToken":
    from coordination.client.terminal_token import TerminalToken  # noqa: PLC0415 - as above

    label = clean(f"terminals in {project.name}", LABEL)
    made = client.create_token(user=user, session=session, scopes=SCOPES, label=label)
    expires = made.token.expires_at
    until = None if expires is None else expires.isoformat()
    return TerminalToken(at, made.workspace, made.token.id, until, True, made.secret)


def _keep(key: str, token: "TerminalToken") -> None:
    from coordination.client import terminal_token  # noqa: PLC0415 - as above

    try:
        terminal_token.write(target.folder(), key, token)
    except OSError as error:
        raise Failure(str(error)) from None
