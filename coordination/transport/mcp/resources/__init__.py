"""The resources: what a client can read of its own session without calling a tool."""

from typing import Final

from fastmcp.resources import Resource, ResourceTemplate

from coordination.services.core import Core
from coordination.transport.mcp.resource import CoordinationResource, CoordinationTemplate, ResourceCard
from coordination.transport.mcp.resources import event, file_lock, plan, session

CARDS: Final = (session.CARD, file_lock.CARD, event.CARD, plan.PROMPT_CARD, plan.ANALYSIS_CARD)


def build_resources(core: Core) -> list[Resource | ResourceTemplate]:
    """Build the resources of this release: those with one address, and the templates of the others.

    A resource that goes on in pages has one address for its beginning, and a template for what follows.
    """
    return [resource for card in CARDS for resource in _build(core, card)]


def _build(core: Core, card: ResourceCard) -> list[Resource | ResourceTemplate]:
    template = CoordinationTemplate(core, card)
    names_something = "{" in card.uri.partition("{?")[0]
    return [template] if names_something else [CoordinationResource(core, card), template]
