"""What the documentation shows of calls and commands is what a real service answers."""

from __future__ import annotations

import asyncio
import subprocess
from itertools import takewhile
from pathlib import Path

import pytest

from tests.acceptance.docs.conftest import Documented
from tests.acceptance.docs.transcript import Player, steps
from tests.acceptance.readme import commands
from tests.integration.installation import Installation
from tests.unit.docs.page import DOCS, fences, text_of

pytestmark = pytest.mark.acceptance

# A page of its own is played in a session of its own, by the name that the page uses.
TRANSCRIPTS = {"demo": "tutorial/two-terminals.md", "shop": "tutorial/plan-a-feature.md"}


@pytest.mark.parametrize(("session", "page"), TRANSCRIPTS.items())
async def test_a_transcript_is_what_happens_when_it_is_played_again(
    documented: Documented, session: str, page: str
) -> None:
    text = text_of(DOCS / page)
    acts = steps(fences(text))
    folder = await asyncio.to_thread(prepare, documented.installation, text)
    said, happened = await Player(documented.url, session, documented.installation, folder).play(acts)
    assert happened == said
    assert any(act.kind == "call" for act in acts)


def prepare(installation: Installation, page: str) -> Path:
    """Do in a home folder what a page has its reader do before the first `coord`, and return where that leads."""
    first = [*takewhile(lambda command: not command.startswith("coord "), commands(page)), "pwd"]
    environment = installation.environment
    done = subprocess.run(
        ["sh", "-ec", "\n".join(first)],
        cwd=environment["HOME"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return Path(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_every_page_with_a_transcript_is_played(page: Path) -> None:
    played = str(page.relative_to(DOCS)) in TRANSCRIPTS.values()
    assert played == any(act.kind == "call" for act in steps(fences(text_of(page))))
