"""What the documentation shows of calls and commands is what a real service answers."""

from pathlib import Path

import pytest

from tests.acceptance.docs.conftest import Documented
from tests.acceptance.docs.transcript import Player, steps
from tests.unit.docs.page import DOCS, fences, text_of

pytestmark = pytest.mark.acceptance

# A page of its own is played in a session of its own, by the name that the page uses.
TRANSCRIPTS = {"demo": "tutorial/two-terminals.md"}


@pytest.mark.parametrize(("session", "page"), TRANSCRIPTS.items())
async def test_a_transcript_is_what_happens_when_it_is_played_again(
    documented: Documented, session: str, page: str
) -> None:
    acts = steps(fences(text_of(DOCS / page)))
    said, happened = await Player(documented.url, session, documented.installation).play(acts)
    assert happened == said
    assert any(act.kind == "call" for act in acts)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_every_page_with_a_transcript_is_played(page: Path) -> None:
    played = str(page.relative_to(DOCS)) in TRANSCRIPTS.values()
    assert played == any(act.kind == "call" for act in steps(fences(text_of(page))))
