"""How the commands about logins, tokens and workspaces reach a hosted service, and how a secret is typed.

A secret never stands on a command line, where every process of the machine can read it: it comes from a variable, from
standard input, or is asked for without being shown.
"""

import getpass
import os
import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter

from coordination.cli import place, target
from coordination.cli.output import USAGE, Failure, tell
from coordination.cli.place import Target
from coordination.cli.refusals import in_words
from coordination.domain.virtual_user import PART_FORM, is_part

if TYPE_CHECKING:
    from coordination.client.channel import Credential
    from coordination.client.workspace import WorkspaceClient

Yes: TypeAlias = Annotated[bool, Parameter(negative="", show_default=False, help="Do not ask.")]
"""The flag of what asks before it does something for good."""


@contextmanager
def hosted() -> Generator["WorkspaceClient"]:
    """Lend a client of the hosted service that is meant (`target.hosted`), and say which that is.

    Raises:
        Failure: none is meant, it does not answer, or it refused what the block asked for.
    """
    found = target.hosted()
    target.tell_which(found)
    with reaching(found) as client:
        yield client


@contextmanager
def reaching(found: Target) -> Generator["WorkspaceClient"]:
    """Lend a client of a hosted service; its failures come in words.

    Raises:
        Failure: it does not answer, or it refused what the block asked for.
    """
    workspace = None if found.remote is None else found.remote.workspace
    with in_words(place.settings(), found), connection(found.url, found.token, workspace) as client:
        yield client


@contextmanager
def connection(url: str, token: "Credential", workspace: str | None = None) -> Generator["WorkspaceClient"]:
    """Lend a client with a credential; its failures stay those of the client."""
    # httpx and pydantic, which `coord --help` need not wait for.
    from coordination.client.channel import Channel  # noqa: PLC0415 - as above
    from coordination.client.retry import Patience  # noqa: PLC0415 - as above
    from coordination.client.workspace import WorkspaceClient  # noqa: PLC0415 - as above

    channel = Channel(url, token, Patience(), workspace=workspace)
    try:
        yield WorkspaceClient(channel)
    finally:
        channel.close()


def secret(what: str, variable: str | None = None) -> str:
    """Return a secret from a variable, from standard input when that is no terminal, or asked for unseen.

    Args:
        what: what is asked for, such as "Bootstrap token".
        variable: where it may stand instead.

    Raises:
        Failure: there is none.
    """
    given = os.environ.get(variable, "") if variable is not None else ""
    if not given.strip():
        given = getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not given.strip():
        also = f" or set {variable}" if variable is not None else ""
        raise Failure(
            f"{what}: nothing was given.",
            mend=f"Type it, give it on standard input{also}: {place.again()}",
            exit_code=USAGE,
            code="usage",
        )
    return given.strip()


def agreed(question: str, *, yes: bool) -> bool:
    """Ask before something is done for good; without a terminal only `--yes` agrees.

    Raises:
        Failure: nobody can be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Failure(
            f"{question} Nobody can be asked here.",
            mend=f"To agree: {place.coord(shlex.join([*place.TYPED.get(), '--yes']))}",
            exit_code=USAGE,
            code="consent",
        )
    tell(f"{question} [y/N]")
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    tell("Nothing was changed.")
    return False


def check_name(field: str, text: str | None) -> None:
    """Refuse what cannot be the name of a user, a session or an agent; None is no name and fine.

    Raises:
        Failure: it cannot.
    """
    if text is not None and not is_part(text):
        raise Failure(f"{field} must be {PART_FORM}.", exit_code=USAGE, code="invalid_input")


def require_safe(url: str) -> None:
    """Make sure that nothing secret is sent in clear text, also where it is no credential of the connection.

    Raises:
        Failure: the URL leads to another machine without TLS.
    """
    from coordination.client import address, errors  # noqa: PLC0415 - as above

    try:
        address.require_safe(url)
    except errors.UnsafeAddress as error:
        raise Failure(error.message, mend=error.next_call, exit_code=USAGE, code=error.code) from None
