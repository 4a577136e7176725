"""docs/reference/tools.md names every resource and everything in it, and nothing else."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from coordination.services.core import Core
from coordination.transport.mcp import subscriptions
from coordination.transport.mcp.resource import JSON, ResourceCard
from coordination.transport.mcp.resources import CARDS, build_resources, event, file_lock, plan, session
from coordination.transport.mcp.schema import input_schema
from coordination.wire.resource import AnalysisContent, EventsContent, LocksContent, SessionContent
from tests.unit.docs.page import REFERENCE, headings, names, section, spans, text_of
from tests.unit.docs.test_tools_page import described

PAGE = section(text_of(REFERENCE / "tools.md"), "Resources")
EVENTS_PAGE = text_of(REFERENCE / "events.md")
CONTENTS: dict[str, type[BaseModel]] = {
    "session": SessionContent,
    "locks": LocksContent,
    "events": EventsContent,
    "analysis": AnalysisContent,
}
NUMBERS = {5: "five", 20: "twenty", 50: "fifty"}


def test_every_resource_has_its_section_and_nothing_else_has() -> None:
    assert headings(PAGE, 3) == [card.uri for card in CARDS]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_the_table_of_a_resource_names_its_fields_in_their_order(card: ResourceCard) -> None:
    content = CONTENTS.get(card.name)
    expected = [] if content is None else [name for name, _ in described(input_schema(content))]
    assert names(section(PAGE, card.uri)) == expected
    assert (content is None) == (card.mime_type != JSON)


def test_what_can_be_listened_to_has_one_address_and_is_among_the_first() -> None:
    paged = [card.uri.partition("{?")[0] for card in CARDS]
    assert paged[: len(subscriptions.RESOURCES)] == list(subscriptions.RESOURCES)


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    for card, said in (
        (session.CARD, f"{NUMBERS[session.PAGE_AGENTS]} on a page"),
        (file_lock.CARD, f"{NUMBERS[file_lock.PAGE_LOCKS]} on a page"),
        (file_lock.CARD, f"first in line first, at most {NUMBERS[file_lock.SHOWN_WAITERS]}"),
        (event.CARD, f"The last {NUMBERS[event.PAGE_EVENTS]} events"),
        (event.CARD, f"the first {NUMBERS[event.SHOWN_PATHS]} of its paths"),
        (plan.ANALYSIS_CARD, f"The likeliest of the files, at most {NUMBERS[plan.SHOWN_FILES]}"),
    ):
        assert said in section(PAGE, card.uri).replace("\n", " "), said
    assert f"some {plan.PAGE_BYTES // 1000} KB" in PAGE


def test_every_fact_of_an_event_is_a_part_of_a_payload() -> None:
    assert set(event.FACTS) <= set(spans(EVENTS_PAGE))


def test_every_resource_says_what_it_is() -> None:
    for resource in build_resources(Core("postgresql://nowhere/none")):
        assert resource.title
        assert resource.description
