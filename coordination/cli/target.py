"""Which service a command talks to, as whom, and with what credential.

First the one that COORDINATION_URL names, with COORDINATION_TOKEN or with the login there. Then the local one, when it
runs, or when PORT or COORDINATION_DATA_DIR says that it is meant; where that is a hosted one, with the login there.
Then the default login. Then the local one, which does not run. So without variables and logins all is as if there were
no hosted services. Nothing here asks a service.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from coordination.cli import place
from coordination.cli.output import FAILED, USAGE, Failure, tell
from coordination.cli.place import TOKEN_VARIABLE, URL_VARIABLE, WORKSPACE_VARIABLE, Remote, Target
from coordination.settings import Settings
from coordination.settings.values import APP

if TYPE_CHECKING:
    from coordination.client.login_file import Login

_LOCAL: Final = ("data_dir", "port")
"""Settings that say which local service is meant."""


def folder() -> Path:
    """Return the person's configuration folder, where logins are kept."""
    return platformdirs.user_config_path(APP, appauthor=False)


def meant(chosen: Settings) -> Target:
    """Return the service that a command about sessions is for.

    Raises:
        Failure: what names it cannot be used.
    """
    named = _named()
    if named is not None:
        return named
    local = place.local_target(chosen)
    pointed_at = any(chosen.is_from_environment(name) for name in _LOCAL)
    if local.service is not None and local.service.hosted:
        public = local.service.public_url
        login = kept(local.url) or (None if public is None else kept(public))
        if login is not None:
            return replace(_of(login), service=local.service)
        return (None if pointed_at else _logged_in()) or replace(local, remote=Remote(None, None, False))
    if local.service is not None or pointed_at:
        return local
    return _logged_in() or local


def hosted(url: str | None = None) -> Target:
    """Return the hosted service that a command about logins, tokens and workspaces is for.

    Args:
        url: the service that was typed, if one was: then the login there is meant.

    Raises:
        Failure: none is named and nobody is logged in, or what names it cannot be used.
    """
    found = _of_url(address(url)) if url is not None else _named() or _logged_in()
    if found is None or found.token is None:
        where = "anywhere" if found is None else f"at {found.url}"
        there = "https://coordination.example.com" if found is None else found.url
        raise Failure(
            f"You are not logged in {where}.",
            mend=f"Log in: {place.coord(f'login {there}')}",
            exit_code=USAGE,
            code="not_logged_in",
        )
    return found


def tell_which(found: Target) -> None:
    """Say which service is meant, unless it is the local one."""
    if found.remote is None:
        return
    who = f" as {found.remote.user}" if found.remote.user else ""
    where = f", workspace {found.remote.workspace}" if found.remote.workspace else ""
    tell(f"At {found.url}{who}{where}:")


def address(url: str) -> str:
    """Return the URL of a service in the one way in which it is written.

    Raises:
        Failure: it is none.
    """
    from coordination.client import login_file  # noqa: PLC0415 - httpx, which `coord --help` need not wait for

    try:
        return login_file.same_url(url)
    except ValueError as error:
        raise Failure(
            f"{error}.",
            mend=f"As here: {place.coord('login https://coordination.example.com')}",
            exit_code=USAGE,
            code="usage",
        ) from None


def kept(url: str | None = None) -> "Login | None":
    """Return the login at a service, or the default one; None when there is none.

    Raises:
        Failure: the file is one that nobody should trust.
    """
    from coordination.client import login_file  # noqa: PLC0415 - as above

    try:
        return login_file.read(folder(), url)
    except login_file.UnusableFile as error:
        raise Failure(str(error), exit_code=FAILED) from None


def _named() -> Target | None:
    """Return the service that the variables name."""
    url = os.environ.get(URL_VARIABLE, "").strip()
    if not url:
        return None
    found = address(url)
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    return Target(found, token, None, Remote(None, _workspace(), False)) if token else _of_url(found)


def _of_url(url: str) -> Target:
    login = kept(url)
    return Target(url, None, None, Remote(None, _workspace(), False)) if login is None else _of(login)


def _logged_in() -> Target | None:
    """Return the service of the default login.

    Raises:
        Failure: a token is there and is for no service.
    """
    login = kept()
    if login is not None and os.environ.get(TOKEN_VARIABLE, "").strip():
        raise Failure(
            f"{TOKEN_VARIABLE} holds a token, and {URL_VARIABLE} does not say for which service.",
            mend=f"For this one: {place.again(**{URL_VARIABLE: login.url})}\n"
            f"With the login there: unset {TOKEN_VARIABLE}",
            exit_code=USAGE,
            code="setting",
        )
    return None if login is None else _of(login)


def _of(login: "Login") -> Target:
    named = _workspace()
    # A token is of one workspace, which nobody needs to name.
    workspace = named or (login.workspace if login.token is None else None)
    user = login.user if named in {None, login.workspace} else None
    token = login.token if login.token is not None else _Renewed(login)
    return Target(login.url, token, None, Remote(user, workspace, True))


def _workspace() -> str | None:
    return os.environ.get(WORKSPACE_VARIABLE, "").strip() or None


class _Renewed:
    """Gives the access token of the moment, where a person is logged in; equal where it is the same login."""

    def __init__(self, login: "Login") -> None:
        self._login = login
        self._whose = (login.url, login.workspace, login.user)

    def __call__(self) -> str:
        from coordination.client import fresh_login  # noqa: PLC0415 - as above

        usable = fresh_login.credential(self._login)
        if usable is not None:
            return usable
        self._login = asyncio.run(fresh_login.fresh(folder(), self._login))
        # As fresh as can be had, however soon it ends.
        supabase = self._login.supabase
        return self._login.token or (supabase.access_token if supabase is not None else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Renewed) and self._whose == other._whose

    def __hash__(self) -> int:
        return hash(self._whose)
