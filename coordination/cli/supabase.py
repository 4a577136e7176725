"""Logging in as a person, as a conversation: what is asked at the terminal, and what is said to the Supabase project.

The conversation with the project itself is in `client.supabase_login`.
"""

import asyncio
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, Final

from coordination.cli import place
from coordination.cli.output import USAGE, Failure, tell
from coordination.cli.place import Remote, Target
from coordination.cli.refusals import in_words
from coordination.domain.text import clean

if TYPE_CHECKING:
    from coordination.client.login_file import Refreshable
    from coordination.client.supabase_login import Project

NAME: Final = 130


def log_in(url: str, project_url: str, key: str, email: str | None, provider: str | None) -> "Refreshable":
    """Log in at the Supabase project of a service, by e-mail or through a provider in the browser.

    Args:
        url: the service.
        project_url: its Supabase project.
        key: the project's publishable key.
        email: where the code is sent to; asked for when neither it nor a provider is given.
        provider: through whom to log in with the browser.

    Raises:
        Failure: the project refused or does not answer, or nobody can be asked.
    """
    # Half a second that only logging in costs, here and below.
    from coordination.client import supabase_login  # noqa: PLC0415
    from coordination.client.supabase_login import Project  # noqa: PLC0415

    with in_words(place.settings(), Target(url, None, None, Remote(None, None, True))):
        project = Project(project_url, key)
        if provider is not None:
            _require(provider, asyncio.run(supabase_login.providers(project)))
            return asyncio.run(supabase_login.by_browser(project, provider, _show))
        return _by_email(project, email if email is not None else _ask("E-mail address"))


def end(session: "Refreshable") -> bool:
    """End a session at its project; returns whether the project answered."""
    from coordination.client import supabase_login  # noqa: PLC0415 - as above
    from coordination.client.errors import ClientError  # noqa: PLC0415 - as above

    try:
        asyncio.run(supabase_login.end(session))
    except ClientError:
        return False
    return True


def _require(provider: str, known: list[str]) -> None:
    """Refuse a provider that the project does not have, with those that it has."""
    if provider in known:
        return
    has = f"it has {', '.join(known)}" if known else "it has none"
    raise Failure(
        f"The project has no login through {clean(provider, NAME)} in the browser; {clean(has, 500)}.",
        mend=f"Log in by e-mail, without --browser: {place.coord('login --help')}",
        exit_code=USAGE,
        code="usage",
    )


def _by_email(project: "Project", email: str) -> "Refreshable":
    from coordination.client import supabase_login  # noqa: PLC0415 - as above

    asyncio.run(supabase_login.send_code(project, email))
    tell(f"A code was sent to {email}.")
    return asyncio.run(supabase_login.verify_code(project, email, _ask("Code")))


def _ask(what: str) -> str:
    """Return a line that is no secret for long, from standard input."""
    if sys.stdin.isatty():
        sys.stderr.write(f"{what}: ")
        sys.stderr.flush()
    given = sys.stdin.readline().strip()
    if not given:
        raise Failure(
            f"{what}: nothing was given.",
            mend=f"Type it, or give it on standard input: {place.again()}",
            exit_code=USAGE,
            code="usage",
        )
    return given


def _show(url: str) -> None:
    tell(f"Open this in your browser, if it does not open by itself:\n{url}")
    # Some browsers return only when the person leaves them; meanwhile the answer has to be listened for.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
