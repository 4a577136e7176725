"""`coord login` as a person of a Supabase project: by a code in an e-mail, by the browser, in several workspaces."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from tests.integration.cli.hosted import Hosted, Person, hosting_on
from tests.supabase.fixtures import supabase, supabase_server
from tests.supabase.project import API_KEY, SupabaseProject

__all__ = ["supabase", "supabase_server"]

EMAIL = "ann@example.org"


class Mail(io.StringIO):
    """Standard input of somebody who reads the code in the mail as soon as it is asked for."""

    def __init__(self, project: SupabaseProject) -> None:
        super().__init__()
        self.project = project

    def readline(self, size: int | None = -1, /) -> str:
        return f"{self.project.log_in.codes[EMAIL]}\n"


@pytest.fixture
async def hosted(dsn: str, tmp_path: Path, supabase: SupabaseProject) -> AsyncGenerator[Hosted]:
    """A hosted service whose people log in at a Supabase project."""
    variables = {"SUPABASE_URL": supabase.url, "SUPABASE_PUBLISHABLE_KEY": API_KEY}
    async with hosting_on(dsn, tmp_path / "service", **variables) as one:
        yield one


def browse(url: str) -> bool:
    """Do what a browser does."""
    return httpx.get(url, follow_redirects=True, trust_env=False).is_success


async def log_in(person: Person, project: SupabaseProject) -> None:
    """Log in by e-mail."""
    answer = await person.done("login", person.service.url, "--email", EMAIL, typed=Mail(project))
    assert "A code was sent to ann@example.org." in answer.err


async def test_a_person_works_in_a_workspace_of_their_own_and_in_one_that_was_joined(
    alice: Person, bob: Person, supabase: SupabaseProject
) -> None:
    await log_in(bob, supabase)
    me = (await bob.done("whoami", "--json")).json
    assert (me["user"], me["role"], me["token_id"]) == ("ann", "owner", None)
    own = me["workspace"]
    invited = await alice.done("workspace", "invite", "bob")
    joined = await bob.done("login", bob.service.url, "--invitation", typed=invited.out)
    assert "as bob, member of workspace team" in joined.out
    sessions = await bob.done("sessions")
    assert sessions.err == f"At {bob.service.url} as bob, workspace local:\n"
    used = await bob.done("workspace", "use", own)
    assert "as ann" in used.out
    assert (await bob.done("whoami", "--json")).json["workspace"] == own
    there = await bob.done("whoami", "--json", COORDINATION_WORKSPACE="local")
    assert (there.json["workspace"], there.json["user"]) == ("local", "bob")
    made = (await bob.done("workspace", "create", "Green", "--json")).json
    await bob.done("workspace", "use", "Green")
    listed = (await bob.done("workspace", "list", "--json")).json
    assert listed["current"] == made["id"]
    assert {one["id"] for one in listed["workspaces"]} == {own, "local", made["id"]}


async def test_the_browser_comes_back_with_the_login(
    bob: Person, supabase: SupabaseProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", browse)
    answer = await bob.done("login", bob.service.url, "--browser", "github")
    assert "as ann, owner of workspace personal" in answer.out
    unknown = await bob("login", bob.service.url, "--browser", "google")
    assert (unknown.exit_code, "it has github" in unknown.err) == (2, True)


async def test_a_wrong_code_logs_nobody_in(bob: Person, supabase: SupabaseProject) -> None:
    answer = await bob("login", bob.service.url, "--email", EMAIL, "--json", typed="no code\n")
    assert (answer.exit_code, answer.json["error"]["code"]) == (4, "login_refused")
    assert (await bob("whoami")).exit_code == 2
    nothing = await bob("login", bob.service.url, "--email", EMAIL, typed="")
    assert nothing.exit_code == 2


async def test_a_login_is_renewed_and_says_when_it_is_over(bob: Person, supabase: SupabaseProject) -> None:
    # Shorter than what is left for clocks that differ: each command has to renew it.
    supabase.log_in.lifetime = 60
    await log_in(bob, supabase)
    renewed = supabase.log_in.spent
    await bob.done("sessions")
    assert supabase.log_in.spent > renewed
    supabase.begin_anew()
    answer = await bob("sessions", "--json")
    assert (answer.exit_code, answer.json["error"]["code"]) == (4, "login_ended")
    assert answer.json["error"]["mend"].endswith(f"login {bob.service.url}")


async def test_who_logs_out_ends_the_session_at_the_project_too(
    bob: Person, supabase: SupabaseProject
) -> None:
    await log_in(bob, supabase)
    answer = await bob.done("logout", "--json")
    assert answer.json == {"url": bob.service.url, "change": "removed", "ended": True}
    assert supabase.asked["/logout"] == 1
    await log_in(bob, supabase)
    supabase.away = 503
    answer = await bob.done("logout")
    assert "ends by itself" in answer.err
    assert (await bob("whoami")).exit_code == 2
