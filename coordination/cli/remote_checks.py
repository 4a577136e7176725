"""What `coord doctor` looks at when a hosted service is meant: the way there, the credential, and what it opens.

It comes as a visitor who leaves no trace (`app.visitor`), under the name of the login, and calls no tool.
"""

import shlex
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from coordination.app.visitor import VISITOR_SESSION
from coordination.cli import claude_code, entrance, listing, terminal_access
from coordination.cli.checks import Check
from coordination.cli.connect import ENTRY
from coordination.cli.endpoint_checks import Era, list_tools
from coordination.cli.output import Failure
from coordination.cli.place import Target, coord
from coordination.cli.probe import ask
from coordination.domain.identity import PLANNER_NAME

if TYPE_CHECKING:
    from coordination.client.workspace import WorkspaceClient
    from coordination.wire.workspace import Me

SECONDS: Final = 10.0
"""How long a service may take that sleeps while nobody asks it."""
_OK: Final = 200
_ERAS: Final[tuple[Era, ...]] = ("modern", "older")


def remote_checks(found: Target) -> Iterator[Check]:
    """Look at a hosted service; what an earlier failure makes impossible is skipped."""
    way = _tls(found.url)
    yield way
    service = _service(found.url) if way.state != "failed" else Check("service", "skipped", "TLS comes first")
    yield service
    if service.state != "ok":
        yield Check("credential", "skipped", "no service to ask")
        return
    if found.token is None and found.service is not None:
        # Whoever runs a service need not belong to anybody's workspace there.
        why = f"you are not logged in there, so what clients see was not looked at: {_login(found.url)}"
        yield Check("credential", "skipped", why)
        return
    try:
        with entrance.reaching(found) as client:
            me = client.me()
            until = _until(client, me)
    except Failure as failure:
        yield Check("credential", "failed", failure.message, failure.mend)
        return
    yield Check("credential", "ok", _credential(found, me))
    yield until
    yield _member(me)
    yield from _clients(found, me)
    yield _terminals(found)


def _login(url: str) -> str:
    return coord(shlex.join(["login", url]))


def _tls(url: str) -> Check:
    """Look whether nobody on the way can read along, and for how long the certificate is good."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        try:
            entrance.require_safe(url)
        except Failure as failure:
            return Check("TLS", "failed", failure.message, failure.mend)
        return Check("TLS", "ok", "not needed: the service is on this machine")
    host, port = parts.hostname or "", parts.port or 443
    try:
        with (
            socket.create_connection((host, port), timeout=SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            good_until = str((secure.getpeercert() or {}).get("notAfter", ""))
    except ssl.SSLError as error:
        mend = "Is that the address of the service? Its certificate has to be one that this machine trusts."
        return Check("TLS", "failed", f"the certificate of {host} is not good: {error.reason or error}", mend)
    except OSError as error:
        why = error.strerror or str(error)
        return Check("TLS", "failed", f"{host}:{port} cannot be reached: {why}", "Is that its address?")
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(good_until), UTC)
    return Check("TLS", "ok", f"the certificate is good until {listing.day(ends, '')}")


def _service(url: str) -> Check:
    reply = ask(f"{url}/health/detailed", timeout=SECONDS)
    if reply is None:
        return Check("service", "failed", f"nobody answers at {url}", "Is that its address, and does it run?")
    known = reply.json()
    if reply.status != _OK or not isinstance(known, dict) or "coordination_tools" not in known:
        found = f"what answers at {url} is not coordination (HTTP {reply.status})"
        return Check("service", "failed", found, "Give the whole address, with its prefix if it has one.")
    return Check("service", "ok", f"{url}, release {known['version']}, {known['status']}")


def _credential(found: Target, me: "Me") -> str:
    how = "the login" if found.remote is not None and found.remote.logged_in else "COORDINATION_TOKEN"
    return f"{how} is good: {'a person' if me.token_id is None else f'token {me.token_id}'}, user {me.user}"


def _until(client: "WorkspaceClient", me: "Me") -> Check:
    """Look until when the credential works; some may not look at tokens, not even at themselves."""
    if me.token_id is None:
        return Check("expiry", "ok", "the login is renewed by itself")
    from coordination.client.errors import RequestRefused  # noqa: PLC0415 - httpx, for hosted services alone

    try:
        own = next((one for one in client.tokens() if one.id == me.token_id), None)
    except RequestRefused:
        own = None
    if own is None:
        return Check("expiry", "skipped", "the token may not look at tokens; whoever made it can")
    left = None if own.expires_at is None else own.expires_at - datetime.now(UTC)
    found = f"works until {listing.day(own.expires_at, 'it is revoked')}"
    if left is not None and left < terminal_access.ENOUGH:
        mend = f"Make another: {coord('token create')}, and log in with it."
        return Check("expiry", "failed", found, mend)
    return Check("expiry", "ok", found)


def _member(me: "Me") -> Check:
    may = ", ".join(me.scopes)
    return Check("member", "ok", f"{me.role} of workspace {me.workspace_name} ({me.workspace}), may {may}")


def _clients(found: Target, me: "Me") -> Iterator[Check]:
    """List the tools as Claude Code and Cursor would with this credential."""
    if me.session is not None or me.agent is not None:
        # Under the name of a real session the visit would leave a trace there.
        why = "the credential is one session's or agent's; /mcp in Claude Code shows what it sees"
        yield Check("Claude Code", "skipped", why)
        return
    visitor = f"{me.user}__session__{VISITOR_SESSION}__{PLANNER_NAME}"
    for era in _ERAS:
        seen = list_tools(found, "claude", "claude-code", "claude-code/2.1.0 (cli)", era, visitor=visitor)
        name = f"Claude Code ({era})"
        if isinstance(seen, str) or not seen:
            said = seen if isinstance(seen, str) else "sees no tools"
            yield Check(name, "failed", said, "The log of the service says why.")
        else:
            yield Check(name, "ok", f"sees {', '.join(seen)}")
    seen = list_tools(found, "cursor", "cursor", "Cursor/2.0", "older", visitor=visitor)
    if seen:
        said = seen if isinstance(seen, str) else f"sees {', '.join(seen)}, and should see none"
        yield Check("Cursor", "failed", said, "This must not be: please report it.")
    else:
        yield Check("Cursor", "ok", "sees no tools, as it should")


def _terminals(found: Target) -> Check:
    """Look at the token that the terminals of this folder come in with."""
    entry = claude_code.entry(ENTRY, Path.cwd())
    key = terminal_access.key_of(entry)
    if key is None:
        return Check("this folder", "skipped", "it is not connected to a hosted service")
    try:
        token = terminal_access.read(key)
        good = token is not None and terminal_access.works(found.url, token)
    except Failure as failure:
        return Check("this folder", "failed", failure.message, failure.mend)
    if token is None or not good:
        mend = f"Connect it once more: {coord('connect SESSION')}"
        return Check(
            "this folder", "failed", "the token of its terminals works no more, or not for long", mend
        )
    return Check("this folder", "ok", f"its terminals come in with token {token.token_id}")
