"""Logging in at a Supabase project with the real client of its package: codes, the browser, renewal, the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from coordination.client import supabase_login
from coordination.client.errors import ClientError, RequestRefused, ServiceUnavailable, ServiceUnreachable
from coordination.client.redirect_listener import MOST
from coordination.client.supabase_login import Project
from tests.supabase.project import API_KEY, SupabaseProject

ANN = "ann@example.org"


@pytest.fixture
def project(supabase: SupabaseProject) -> Project:
    return Project(supabase.url, API_KEY)


async def test_a_code_from_the_mail_makes_a_session(supabase: SupabaseProject, project: Project) -> None:
    await supabase_login.send_code(project, ANN)
    session = await supabase_login.verify_code(project, ANN, supabase.log_in.codes[ANN])
    assert (session.project_url, session.key, session.email) == (supabase.url, API_KEY, ANN)
    assert len(session.access_token.split(".")) == 3
    assert 3500 < session.expires_at - time.time() <= 3601
    assert supabase.asked["/token"] == 0, "nothing renews it beside"


async def test_a_wrong_code_is_refused_in_the_words_of_the_project(
    supabase: SupabaseProject, project: Project
) -> None:
    await supabase_login.send_code(project, ANN)
    wrong = "000000" if supabase.log_in.codes[ANN] != "000000" else "000001"
    with pytest.raises(RequestRefused, match="expired or is invalid") as refused:
        await supabase_login.verify_code(project, ANN, wrong)
    assert refused.value.code == supabase_login.REFUSED


async def test_a_code_works_once(supabase: SupabaseProject, project: Project) -> None:
    await supabase_login.send_code(project, ANN)
    code = supabase.log_in.codes[ANN]
    await supabase_login.verify_code(project, ANN, code)
    with pytest.raises(RequestRefused):
        await supabase_login.verify_code(project, ANN, code)


async def test_what_is_no_address_is_refused(project: Project) -> None:
    with pytest.raises(RequestRefused, match="email address"):
        await supabase_login.send_code(project, "ann")


async def test_a_wrong_publishable_key_is_refused(supabase: SupabaseProject) -> None:
    with pytest.raises(RequestRefused, match="API key"):
        await supabase_login.send_code(Project(supabase.url, "sb_publishable_other"), ANN)


@pytest.mark.parametrize(
    ("status", "kind"), [(503, ServiceUnavailable), (429, ClientError), (500, ClientError)]
)
async def test_a_project_that_is_away_is_named_so(
    status: int, kind: type[ClientError], supabase: SupabaseProject, project: Project
) -> None:
    supabase.away = status
    with pytest.raises(kind, match=supabase.url):
        await supabase_login.send_code(project, ANN)
    with pytest.raises(ClientError, match=supabase.url):
        await supabase_login.providers(project)


async def test_nobody_there_is_named_so() -> None:
    with SupabaseProject() as gone:
        project = Project(gone.url, API_KEY)
    with pytest.raises(ServiceUnreachable, match=gone.url):
        await supabase_login.send_code(project, ANN)
    with pytest.raises(ServiceUnreachable, match=gone.url):
        await supabase_login.providers(project)


@pytest.mark.parametrize("url", ["http://abc.supabase.co", "http://10.0.0.1", "ftp://abc.supabase.co", "abc"])
def test_no_login_goes_to_where_others_listen_in(url: str) -> None:
    with pytest.raises(RequestRefused, match="https"):
        Project(url, API_KEY)


# --- renewal and the end -----------------------------------------------------------------------------------------


async def _logged_in(supabase: SupabaseProject, project: Project) -> supabase_login.Refreshable:
    await supabase_login.send_code(project, ANN)
    return await supabase_login.verify_code(project, ANN, supabase.log_in.codes[ANN])


async def test_a_session_is_renewed_with_a_new_refresh_token(
    supabase: SupabaseProject, project: Project
) -> None:
    first = await _logged_in(supabase, project)
    second = await supabase_login.renew(first)
    assert second.refresh_token != first.refresh_token
    assert second.email == ANN


async def test_a_session_that_was_ended_cannot_be_renewed(
    supabase: SupabaseProject, project: Project
) -> None:
    session = await _logged_in(supabase, project)
    await supabase_login.end(session)
    with pytest.raises(RequestRefused, match="Refresh Token Not Found") as refused:
        await supabase_login.renew(session)
    assert refused.value.code == supabase_login.ENDED
    await supabase_login.end(session)


async def test_an_outage_ends_no_session(supabase: SupabaseProject, project: Project) -> None:
    session = await _logged_in(supabase, project)
    supabase.away = 503
    with pytest.raises(ServiceUnavailable):
        await supabase_login.renew(session)
    with pytest.raises(ServiceUnavailable):
        await supabase_login.end(session)
    supabase.away = 0
    assert await supabase_login.renew(session)


# --- the browser -------------------------------------------------------------------------------------------------


class Browser:
    """Opens what it is shown, in a thread's stead: a task of the same loop.

    Attributes:
        url: what it was shown.
        seen: what the last page said.
    """

    def __init__(self, change: Callable[[str], str] = lambda url: url) -> None:
        self.url = ""
        self.seen = ""
        self._change = change
        self._opening: asyncio.Task[None] | None = None

    def show(self, url: str) -> None:
        self.url = url
        self._opening = asyncio.create_task(self._open())

    async def done(self) -> None:
        assert self._opening is not None
        await self._opening

    async def _open(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            sent_back = (await http.get(self.url)).headers["location"]
            answer = await http.get(self._change(sent_back))
            self.seen = f"{answer.status_code} {answer.text}"


async def test_the_browser_brings_a_session(supabase: SupabaseProject, project: Project) -> None:
    browser = Browser()
    session = await supabase_login.by_browser(project, "github", browser.show)
    await browser.done()
    assert session.email == ANN
    assert "goes on in the terminal" in browser.seen
    asked = parse_qs(urlsplit(browser.url).query)
    assert asked["provider"] == ["github"]
    assert asked["code_challenge_method"] == ["s256"]
    assert asked["redirect_to"][0].startswith("http://127.0.0.1:")


async def test_the_providers_that_can_be_chosen_are_those_of_the_browser(
    supabase: SupabaseProject, project: Project
) -> None:
    supabase.log_in.providers = ["google", "github"]
    assert await supabase_login.providers(project) == ["github", "google"]


async def test_what_the_provider_refuses_is_said(supabase: SupabaseProject, project: Project) -> None:
    supabase.log_in.denied = "The person said no"
    browser = Browser()
    with pytest.raises(RequestRefused, match="The person said no"):
        await supabase_login.by_browser(project, "github", browser.show)
    await browser.done()
    assert browser.seen.startswith("400")
    assert "said no" not in browser.seen, "what others wrote is not shown as a page of ours"


async def test_nobody_who_comes_in_time_is_said_too(project: Project) -> None:
    shown: list[str] = []
    with pytest.raises(RequestRefused, match=r"within 0\.01 seconds"):
        await supabase_login.by_browser(project, "github", shown.append, seconds=0.01)
    assert len(shown) == 1


async def _while_waiting(project: Project, ask: Callable[[str], Any]) -> Any:
    """Start a login, do `ask` with its redirect URL, then let the browser finish; returns what `ask` returned."""
    shown: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    login = asyncio.create_task(supabase_login.by_browser(project, "github", shown.set_result))
    url = await shown
    found = await ask(parse_qs(urlsplit(url).query)["redirect_to"][0])
    assert not login.done()
    browser = Browser()
    browser.show(url)
    assert (await login).email == ANN
    await browser.done()
    return found


def _changed(url: str, **parameters: str | None) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | parameters
    return parts._replace(query=urlencode({name: value for name, value in query.items() if value})).geturl()


@pytest.mark.parametrize(
    ("changed", "path", "host", "status"),
    [
        ({"state": "other", "code": "x"}, "/logged-in", "127.0.0.1", 400),
        ({"state": None, "code": "x"}, "/logged-in", "127.0.0.1", 400),
        ({"state": "other", "error": "access_denied"}, "/logged-in", "127.0.0.1", 400),
        ({"code": "x"}, "/favicon.ico", "127.0.0.1", 404),
        ({"code": "x"}, "/logged-in", "localhost", 404),
    ],
    ids=["state of another login", "no state", "a refusal of another login", "another path", "another host"],
)
async def test_what_others_send_to_the_listener_is_refused_and_ends_nothing(
    changed: dict[str, str | None], path: str, host: str, status: int, project: Project
) -> None:
    async def ask(url: str) -> int:
        sent = _changed(url, **changed).replace("/logged-in", path).replace("127.0.0.1", host)
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(sent)).status_code

    assert await _while_waiting(project, ask) == status


@pytest.mark.parametrize(
    "sent", [b"POST /logged-in HTTP/1.1\r\n\r\n", b"\0\xff\r\n\r\n", b"x" * (MOST + 1), b""]
)
async def test_what_is_no_request_ends_nothing(sent: bytes, project: Project) -> None:
    async def ask(url: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(sent)
        writer.write_eof()
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        return said

    said = await _while_waiting(project, ask)
    assert not said.startswith(b"HTTP/1.1 200")


async def test_a_code_that_somebody_else_got_is_worth_nothing_here(
    supabase: SupabaseProject, project: Project
) -> None:
    """The attacker's own code, put into the person's login, would log the person in as the attacker."""
    attacker = Browser()
    stolen: list[str] = []

    def take(url: str) -> str:
        stolen.append(parse_qs(urlsplit(url).query)["code"][0])
        return url

    attacker._change = take
    await supabase_login.by_browser(project, "github", attacker.show)
    await attacker.done()
    victim = Browser(lambda url: _changed(url, code=stolen[0]))
    with pytest.raises(RequestRefused, match="flow state"):
        await supabase_login.by_browser(project, "github", victim.show)
    await victim.done()
