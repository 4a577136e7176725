"""The real service, in which a minute of a lease lasts two seconds.

A lease lasts a minute at least, and a run cannot wait for that. So the unit is shortened here, where claims turn
minutes into seconds; the clock, the database and everything else are as users have them. Unless a run weakens it on
purpose, to see that it is caught: then what is named below goes wrong too.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final

from coordination.cli import main
from coordination.services.event_stream import EventStream, StreamPage
from coordination.transport import file_lock
from coordination.transport.mcp import subscriptions

MINUTE_SECONDS = 2
WEAKENED: Final = "TORTURE_WEAKENED"
"""The variable that names what is weakened, one name after the other with spaces between."""
LOST: Final = 9
"""A page whose last number can be divided by it is lost."""


def lose_pages() -> None:
    """Let streams pass over a page now and then, as if only a wake-up carried it."""
    read = EventStream.read

    async def forgetful(self: EventStream) -> StreamPage | None:
        page = await read(self)
        return await read(self) if page is not None and page.events[-1].seq % LOST == 0 else page

    EventStream.read = forgetful


def tell_nothing() -> None:
    """Let those who listen over MCP never be told that something changed."""
    for uri in subscriptions.RESOURCES:
        subscriptions.RESOURCES[uri] = ("nothing.",)


WEAKENINGS: Final[Mapping[str, Callable[[], None]]] = {
    "streams-lose-pages": lose_pages,
    "listeners-are-told-nothing": tell_nothing,
}

if __name__ == "__main__":
    file_lock.MINUTE_SECONDS = MINUTE_SECONDS
    for name in os.environ.get(WEAKENED, "").split():
        WEAKENINGS[name]()
    main()
