"""Where a person is logged in: one file in the person's configuration folder, with a login for each service.

A login holds either a token of the service (`coord_...`) or a session of Supabase Auth, which expires and is
refreshed (`supabase_login`). A credential is only ever sent to the service whose URL stands beside it. The file is
private (`private_file`), replaced as a whole, and written by one process at a time. Nothing here talks to anybody.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from pydantic import TypeAdapter, ValidationError

from coordination.client import private_file
from coordination.client.private_file import UnusableFile

FILE_NAME: Final = "logins.json"
MOST: Final = 1_000_000
"""Bytes; a login has about three thousand."""
_MEND: Final = "Look who put it there, remove it, and log in again."


@dataclass(frozen=True, slots=True)
class Refreshable:
    """A session of Supabase Auth, as it was when it was last refreshed.

    Attributes:
        project_url: the Supabase project, such as `https://abc.supabase.co`.
        key: its publishable key, which is no secret.
        access_token: the JWT to send; it lives for about an hour.
        refresh_token: what the next one is had for; it works once.
        expires_at: when the access token ends, in seconds since 1970 of this machine's clock.
        email: the address of the person, None when there is none.
    """

    project_url: str
    key: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """That a person is logged in at a service: with `token`, or with `supabase`.

    Attributes:
        url: the service, with its prefix, without a slash at its end (`same_url`).
        workspace: the id of the workspace to work in; None for the one that the service takes by itself.
        user: the person's name in that workspace, None when it is not known.
        token: a token of the service.
        supabase: a session of Supabase Auth.
    """

    url: str
    workspace: str | None = None
    user: str | None = None
    token: str | None = field(default=None, repr=False)
    supabase: Refreshable | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Content:
    """What the file holds; the first login is the default."""

    logins: tuple[Login, ...] = ()


_CONTENT: Final = TypeAdapter(_Content)


def same_url(url: str) -> str:
    """Return the one way in which the URL of a service is written: as typed, but for case, default port and slash.

    Raises:
        ValueError: it is no http or https URL, or it carries a user, a question or a fragment.
    """
    try:
        parts = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise ValueError(f"{url} is no URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ValueError(f"{url} is no URL of a service: write it as https://host")
    if parts.userinfo or parts.query or parts.fragment:
        raise ValueError("The URL of a service has no user, no ? and no #")
    return str(parts).rstrip("/")


def logins(folder: Path) -> list[Login]:
    """Return every login, the default one first.

    Args:
        folder: the person's configuration folder.

    Raises:
        UnusableFile: the file is one that nobody should trust, or not ours.
    """
    path = folder / FILE_NAME
    try:
        content = private_file.read(path, MOST)
        return list(_CONTENT.validate_json(content).logins) if content and content.strip() else []
    except UnusableFile as error:
        raise UnusableFile(path, error.why, _MEND) from None
    except ValidationError:
        raise UnusableFile(path, "is no list of logins", _MEND) from None


def read(folder: Path, url: str | None = None) -> Login | None:
    """Return the login at a service, or the default one; None when there is none.

    Raises:
        UnusableFile: as `logins`.
        ValueError: as `same_url`.
    """
    known = logins(folder)
    if url is None:
        return known[0] if known else None
    wanted = same_url(url)
    return next((login for login in known if login.url == wanted), None)


def write(folder: Path, login: Login, *, default: bool = True) -> None:
    """Keep a login in place of the one at the same service.

    Args:
        folder: the person's configuration folder.
        login: what to keep.
        default: whether it becomes the default; otherwise the order stays as it is.

    Raises:
        UnusableFile: as `logins`.
        OSError: the folder cannot be written.
    """
    with _alone(folder):
        known = logins(folder)
        places = [place for place, one in enumerate(known) if one.url == login.url]
        rest = [one for one in known if one.url != login.url]
        place = 0 if default else (places[0] if places else len(rest))
        _replace(folder, (*rest[:place], login, *rest[place:]))


def forget(folder: Path, url: str) -> bool:
    """Remove the login at a service; returns whether there was one. The next one becomes the default.

    Raises:
        UnusableFile, OSError: as `write`.
        ValueError: as `same_url`.
    """
    gone = same_url(url)
    with _alone(folder):
        known = logins(folder)
        rest = tuple(login for login in known if login.url != gone)
        if len(rest) == len(known):
            return False
        _replace(folder, rest)
        return True


def _replace(folder: Path, kept: tuple[Login, ...]) -> None:
    private_file.write(folder / FILE_NAME, _CONTENT.dump_json(_Content(kept), indent=1))


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Let one process at a time read and write the file; each does so in a moment."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(
        folder / f"{FILE_NAME}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
