"""Logging in at a Supabase project: by a one-time code that is sent by e-mail, or in the browser (OAuth with PKCE).

It exchanges what a person has for a session (`login_file.Refreshable`), renews it and ends it. It asks nobody and
prints nothing; the commands do. It speaks to the project alone, through the client of the `supabase` package, which
costs half a second to import, so only what needs it does. What listens for the browser is `redirect_listener`; who
keeps the session fresh is `fresh_login`.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import httpx

from coordination.client.address import is_loopback
from coordination.client.errors import ClientError, RequestRefused, ServiceUnavailable, ServiceUnreachable
from coordination.client.login_file import Refreshable
from coordination.client.redirect_listener import RedirectListener

if TYPE_CHECKING:
    from supabase_auth import AsyncGoTrueClient, AuthFlowType, AuthResponse

ANSWER_SECONDS: Final = 10.0
BROWSER_SECONDS: Final = 300.0
"""How long a person may take in the browser."""
REFUSED: Final = "login_refused"
ENDED: Final = "login_ended"
"""The code of a session that can no longer be renewed: the person has to log in again."""
_NO_PROVIDERS: Final = frozenset({"anonymous_users", "email", "phone"})


@dataclass(frozen=True, slots=True)
class Project:
    """A Supabase project.

    Attributes:
        url: such as `https://abc.supabase.co`; plain http only on this machine.
        key: its publishable key.
    """

    url: str
    key: str

    def __post_init__(self) -> None:
        if not self.url.startswith("https://") and not (
            self.url.startswith("http://") and is_loopback(self.url)
        ):
            raise RequestRefused(f"{self.url} is no https URL, so no login can go there.", code=REFUSED)


async def providers(project: Project) -> list[str]:
    """Return the names of the providers through which one can log in by browser, such as `github`, sorted.

    Raises:
        ClientError: the project does not answer, or not as Supabase Auth does.
    """
    async with _http(project) as http:
        try:
            answer = await http.get(f"{_base(project)}/auth/v1/settings", headers={"apikey": project.key})
            answer.raise_for_status()
            external: dict[str, Any] = answer.json()["external"]
            return sorted(name for name, on in external.items() if on is True and name not in _NO_PROVIDERS)
        except httpx.TransportError as error:
            raise _unreachable(project) from error
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RequestRefused(
                f"{project.url} does not answer as Supabase Auth does.", code=REFUSED
            ) from error


async def send_code(project: Project, email: str) -> None:
    """Have a one-time code sent to an address; an account is made for it where the project allows that.

    Raises:
        ClientError: the project refused, or does not answer.
    """
    # Not PKCE: nobody comes back here through the link that the mail may hold besides.
    async with _auth(project, "implicit") as auth:
        await auth.sign_in_with_otp({"email": email})


async def verify_code(project: Project, email: str, code: str) -> Refreshable:
    """Return the session for a one-time code.

    Raises:
        ClientError: the code is wrong, used or too old, or the project does not answer.
    """
    async with _auth(project, "implicit") as auth:
        return _session(project, await auth.verify_otp({"email": email, "token": code, "type": "email"}))


async def by_browser(
    project: Project, provider: str, show: Callable[[str], None], *, seconds: float = BROWSER_SECONDS
) -> Refreshable:
    """Let a person log in with the browser and return the session.

    Args:
        project: where.
        provider: through whom, one of `providers`.
        show: called once with the URL that the person has to open.
        seconds: how long to wait for that.

    Raises:
        ClientError: it was refused, took too long, or the project does not answer.
    """
    async with _auth(project, "pkce") as auth, RedirectListener() as listener:
        asked = await auth.sign_in_with_oauth(
            # Any provider that the project has; the package's own list is of those that it knew.
            {"provider": cast("Any", provider), "options": {"redirect_to": listener.url}}
        )
        show(asked.url)
        code = await listener.code(seconds)
        answer = await auth.exchange_code_for_session(
            {"auth_code": code, "code_verifier": "", "redirect_to": listener.url}
        )
        return _session(project, answer)


async def renew(session: Refreshable) -> Refreshable:
    """Return the session that follows one, whose refresh token is spent by this; `fresh_login` sees to it that
    nobody else does so too.

    Raises:
        RequestRefused: with code `login_ended` when the session is over.
        ClientError: the project does not answer; the session stays as it was.
    """
    project = Project(session.project_url, session.key)
    async with _auth(project, "implicit") as auth:
        try:
            return _session(project, await auth.refresh_session(session.refresh_token))
        except Exception as error:
            failure = _failure(project, error)
            if isinstance(failure, RequestRefused):
                raise RequestRefused(f"The login is over: {failure.message}", code=ENDED) from error
            raise failure from error


async def end(session: Refreshable) -> None:
    """End a session on the project's side: nobody can renew it any more. Its access token lives until it expires.

    Raises:
        ClientError: the project does not answer. One that is over already is no error.
    """
    project = Project(session.project_url, session.key)
    async with _auth(project, "implicit") as auth:
        try:
            await auth.admin.sign_out(session.access_token, "local")
        except Exception as error:
            failure = _failure(project, error)
            if not isinstance(failure, RequestRefused):
                raise failure from error


@asynccontextmanager
async def _auth(project: Project, flow: "AuthFlowType") -> AsyncGenerator["AsyncGoTrueClient"]:
    """Lend a client that remembers nothing and renews nothing by itself; its failures become ours."""
    # As the module says: half a second.
    from supabase import AsyncClientOptions, SupabaseException, acreate_client  # noqa: PLC0415
    from supabase_auth.errors import AuthError  # noqa: PLC0415 - as above

    async with _http(project) as http:
        options = AsyncClientOptions(
            auto_refresh_token=False, persist_session=False, flow_type=flow, httpx_client=http
        )
        try:
            client = await acreate_client(_base(project), project.key, options)
            yield client.auth
        except (AuthError, SupabaseException) as error:
            raise _failure(project, error) from error


def _http(project: Project) -> httpx.AsyncClient:
    # What runs on this machine is never asked for through a proxy; a redirect could lead a credential elsewhere.
    return httpx.AsyncClient(
        timeout=ANSWER_SECONDS, trust_env=not is_loopback(project.url), follow_redirects=False
    )


def _base(project: Project) -> str:
    return project.url.rstrip("/")


def _session(project: Project, answer: "AuthResponse") -> Refreshable:
    found = answer.session
    if found is None:
        raise RequestRefused(f"{project.url} gave no session.", code=REFUSED)
    return Refreshable(
        project_url=_base(project),
        key=project.key,
        access_token=found.access_token,
        refresh_token=found.refresh_token,
        # By our clock, which alone is asked later; the two may differ.
        expires_at=time.time() + found.expires_in,
        email=found.user.email or None,
    )


def _failure(project: Project, error: Exception) -> ClientError:
    """Return what a failure of the package means to us."""
    from supabase_auth.errors import AuthApiError, AuthRetryableError  # noqa: PLC0415 - it is loaded already

    if isinstance(error, ClientError):
        return error
    if isinstance(error, AuthRetryableError):
        return (
            ServiceUnavailable(f"{project.url} cannot answer now.") if error.status else _unreachable(project)
        )
    if isinstance(error, AuthApiError):
        if error.status == HTTPStatus.TOO_MANY_REQUESTS or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ServiceUnavailable(f"{project.url} says: {error.message}")
        return RequestRefused(f"{project.url} says: {error.message}", code=REFUSED)
    return RequestRefused(f"{project.url} does not answer as Supabase Auth does.", code=REFUSED)


def _unreachable(project: Project) -> ServiceUnreachable:
    return ServiceUnreachable(f"No answer from {project.url}.")
