"""Links between pages lead somewhere, and the index leads to every page."""

from pathlib import Path

import pytest

from tests.unit.docs.page import DOCS, anchors, links, pages, text_of

EVERY = pages()


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for link in links(text_of(page)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), link
        if anchor:
            assert anchor in anchors(text_of(found)), link


def test_the_index_leads_to_every_page_of_the_documentation() -> None:
    index = DOCS / "README.md"
    led_to = {
        (DOCS / link.partition("#")[0]).resolve() for link in links(text_of(index)) if "://" not in link
    }
    assert {page for page in EVERY if DOCS in page.parents and page != index} <= led_to


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.name)
def test_a_page_begins_with_one_title_and_keeps_its_lines_short(page: Path) -> None:
    text = text_of(page)
    assert text.startswith("# ")
    outside_of_tables = [line for line in text.splitlines() if not line.startswith("|") and "](" not in line]
    assert all(len(line) <= 140 for line in outside_of_tables)
