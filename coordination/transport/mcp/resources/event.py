"""The resource `coordination://events`: what happened last, on from any number, and back from it.

An event can carry half a megabyte of paths. Here it has the first of them and how many there are; whoever needs all
reads `/api/v1/sessions/{session}/events`.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput
from coordination.domain.event import Event
from coordination.domain.text import shown
from coordination.services import agent as agents
from coordination.services import event as events
from coordination.services.core import Core
from coordination.transport.mcp.resource import AFTER, ResourceCard, as_json
from coordination.transport.mcp.tools.answer import instant
from coordination.wire.resource import EVENTS, EventContent, EventsContent, following
from coordination.wire.text import quoted

PAGE_EVENTS: Final = 50
SHOWN_PATHS: Final = 5
SEQ_DIGITS: Final = 18
UP_TO: Final = ".."
"""Before a number: the page that ends with it."""
FACTS: Final = (
    *("operation", "checkout", "task_id", "status", "progress_percentage", "previous_agent", "after"),
    *("role", "across_checkouts", "ticket", "why", "revision", "analysis_id", "agent_count", "task_count"),
    "agent",
)
"""What of a payload is a name, a number or a word of the service's own."""
_PATHS: Final = ("paths", "affected_files")
_WORDS: Final = ("text", "message")


async def read_events(core: Core, agent: Agent, said: Mapping[str, str]) -> str:
    """Read the last events, the first ones after a number, or the last ones up to a number."""
    await agents.join(core, agent)
    found = await _page(core, agent, said.get(AFTER))
    last = await events.last_number(core, agent.workspace, agent.session)
    cursor = found[-1].seq if found else last
    first = await events.first_number(core, agent.workspace, agent.session)
    earlier = found[0].seq - 1 if found else last
    return as_json(
        EventsContent(
            session=agent.session,
            events=[_event(event) for event in found],
            cursor=cursor,
            earlier=max(0, earlier - first + 1),
            later=last - cursor,
            previous=following(EVENTS, f"{UP_TO}{earlier}") if earlier >= first else None,
            removed_up_to=first - 1 or None,
            next=following(EVENTS, cursor),
        )
    )


async def _page(core: Core, agent: Agent, place: str | None) -> list[Event]:
    where = (core, agent.workspace, agent.session)
    if place is None:
        return await events.read_latest(*where, PAGE_EVENTS)
    number = _number(place.removeprefix(UP_TO))
    if place.startswith(UP_TO):
        events.require_reached(agent.session, number, await events.last_number(*where))
        return await events.read_latest(*where, PAGE_EVENTS, number)
    found = await events.read_events(*where, number, PAGE_EVENTS)
    if not found:
        events.require_reached(agent.session, number, await events.last_number(*where))
    return found


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= SEQ_DIGITS):
        raise InvalidInput(
            f'{AFTER}: must be the number of an event, 0 for the beginning (got "{shown(text)}").'
        )
    return int(text)


def _event(event: Event) -> EventContent:
    payload = event.payload
    paths = _paths(payload)
    facts = {name: payload[name] for name in FACTS if isinstance(payload.get(name), str | int)}
    return EventContent(
        seq=event.seq,
        kind=event.kind,
        at=instant(event.created_at),
        agent=event.agent_id,
        paths=paths[:SHOWN_PATHS] or None,
        path_count=len(paths) or None,
        message=quoted(
            event.agent_id, next((str(payload[name]) for name in _WORDS if payload.get(name)), None)
        ),
        facts={name: value for name, value in facts.items() if value != ""} or None,
    )


def _paths(payload: Mapping[str, Any]) -> list[str]:
    locks = cast("list[dict[str, Any]]", payload.get("locks") or [])
    named = next((cast("list[str]", payload[name]) for name in _PATHS if payload.get(name)), list[str]())
    return [str(lock["path"]) for lock in locks] or named


CARD: Final = ResourceCard(
    uri=f"{EVENTS}{{?{AFTER}}}",
    name="events",
    title="Events",
    description="What happened last in the session, with the number to go on from.",
    read=read_events,
)
