"""`claude mcp login`: the real Claude Code logs in at the team's Supabase project and works as the person.

The project is the stand-in of the tests, in which the person agrees to everything; the client, its discovery,
registration, PKCE and tokens, and our service are real.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.four_terminals import CLAIM, LEXER
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Call
from tests.acceptance.service import Service
from tests.supabase.project import SupabaseProject

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="real clients start"),
]
NAME = "coordination"
SILENT_SECONDS = 30
# The newer version writes a link that a terminal can follow (OSC 8), the older one a line.
_URL = re.compile(r"(http://127\.0\.0\.1:\d+/auth/v1/oauth/authorize\?[^\s\x07\x1b]+)[\x07\x1b\r]")


# For each test anew: keys that change are looked for ten seconds after the last time at the earliest.
@pytest.fixture
def project() -> Iterator[SupabaseProject]:
    with SupabaseProject() as running:
        yield running


@pytest.fixture
def hosted(
    project: SupabaseProject, server_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("hosted"))
    service.settings |= {
        "COORDINATION_MODE": "hosted",
        "DATABASE_URL": server_dsn,
        "SUPABASE_URL": project.url,
        "COORDINATION_PUBLIC_URL": service.url,
    }
    with service:
        yield service


def _log_in(claude: Claude) -> str:
    """Type the command in a terminal, and do with the URL that it prints what a browser does.

    Returns:
        All that it printed.
    """
    ours, theirs = pty.openpty()
    command = [str(claude.program), "mcp", "login", NAME, "--no-browser"]
    said = ""
    with subprocess.Popen(
        command, cwd=claude.checkout, env=claude.environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as typed:
        os.close(theirs)
        while select.select([ours], [], [], SILENT_SECONDS)[0] and (heard := _read(ours)):
            shown = _URL.search(said)
            said += heard
            found = _URL.search(said)
            if found and not shown:
                # The project sends the browser on to where the client listens.
                httpx.get(found[1], trust_env=False, follow_redirects=True).raise_for_status()
        typed.terminate()
    os.close(ours)
    return said


def _read(terminal: int) -> str:
    """What came; on Linux the end of the other side is an error, elsewhere an empty read."""
    try:
        return os.read(terminal, 65_536).decode(errors="replace")
    except OSError:
        return ""


@pytest.mark.parametrize("version", [NEWER, OLDER])
def test_a_person_logs_in_with_claude_code_and_claims(
    version: str,
    programs: dict[str, Path],
    repository: Path,
    project: SupabaseProject,
    hosted: Service,
    tmp_path: Path,
) -> None:
    checkout = clone(repository, tmp_path / "checkout")
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[version], tmp_path, checkout, model)
        url = hosted.endpoint("claude", f"ann__session__login-{version}__planner")
        claude.run(str(claude.program), "mcp", "add", "--transport", "http", NAME, url)
        said = _log_in(claude)
        outcome = claude.start("first", [Call(CLAIM, {"file_paths": [LEXER]})]).wait()

    assert "Visit this URL" in said
    assert outcome.servers[NAME] == "connected"
    assert [result.is_error for result in outcome.results] == [False], outcome.results
    (asked,) = project.oauth.authorized
    assert asked["code_challenge_method"] == "S256"
    assert asked["resource"].startswith(f"{hosted.url}/mcp/v2")
    assert [form["grant_type"] for form in project.oauth.granted] == ["authorization_code"]
    assert urlsplit(asked["redirect_uri"]).hostname in {"localhost", "127.0.0.1"}
    assert not parse_qs(urlsplit(url).query)
