"""Keeps logins usable: the credential to send now, renewed before it expires.

A refresh token works once, and several terminals share one login file. So whoever renews holds a lock on the service's
login first and then reads the file again: what another terminal renewed meanwhile is taken as it is. Should the process
die between the answer and the file, the next one sends the spent token once more; Supabase Auth allows that for the one
that was spent last, and answers with the session that is current.
"""

import asyncio
import dataclasses
import fcntl
import hashlib
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from coordination.client import login_file, supabase_login
from coordination.client.errors import RequestRefused, ServiceUnavailable
from coordination.client.login_file import Login

MARGIN_SECONDS: Final = 90.0
"""How long before its end an access token is renewed; the service allows for clocks that differ."""
TURN_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.05


def credential(login: Login) -> str | None:
    """Return what to send as `Authorization: Bearer`, None when it has to be made fresh first (`fresh`)."""
    if login.supabase is None:
        return login.token
    usable = time.time() < login.supabase.expires_at - MARGIN_SECONDS
    return login.supabase.access_token if usable else None


async def fresh(folder: Path, login: Login, *, refused: str = "") -> Login:
    """Return the login with a credential that can be used, renewing its session if need be.

    Args:
        folder: the person's configuration folder.
        login: the login as it was read.
        refused: an access token that the service refused though it should have lived: it is renewed all the same.

    Raises:
        RequestRefused: with code `login_ended`: the person has to log in again, as the next call says.
        ServiceUnavailable, ServiceUnreachable: Supabase does not answer; the login stays as it is.
        UnusableFile: as `login_file.logins`.
    """
    if _is_usable(login, refused):
        return login
    async with _turn(folder, login.url):
        known = login_file.read(folder, login.url)
        if known is None:
            raise _over(login, "The login is over: it was removed.")
        if known.supabase is None or _is_usable(known, refused):
            return known
        try:
            session = await supabase_login.renew(known.supabase)
        except RequestRefused as error:
            raise _over(login, error.message) from error
        renewed = dataclasses.replace(known, supabase=session)
        login_file.write(folder, renewed, default=False)
        return renewed


def _is_usable(login: Login, refused: str) -> bool:
    token = credential(login)
    return token is not None and (login.supabase is None or token != refused)


def _over(login: Login, message: str) -> RequestRefused:
    return RequestRefused(message, next_call=f"coord login {login.url}", code=supabase_login.ENDED)


@asynccontextmanager
async def _turn(folder: Path, url: str) -> AsyncGenerator[None]:
    """Be the only one who renews the login at a service."""
    name = f"{login_file.FILE_NAME}.{hashlib.sha256(url.encode()).hexdigest()[:16]}.lock"
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        await _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


async def _lock(descriptor: int) -> None:
    until = time.monotonic() + TURN_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise ServiceUnavailable(
                    "Another terminal renews the login, and does not come to an end."
                ) from None
            await asyncio.sleep(_LOOK_SECONDS)
        else:
            return
