"""A request that is cut off before its answer began, because the service stops: it is told to come again.

A server that stops cancels what takes longer than it may wait. uvicorn would answer such a request with 500, which
says that something is wrong and that there is no use in trying again; neither is so.
"""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordination.domain.errors import RetryLater
from coordination.transport.problem import problem_of

_STOPPING: Final = RetryLater(
    "The service is stopping, and your request took longer than it can wait. Whether it was done is not known.",
    next_call="repeat the same call in a few seconds",
)


class CutOff:
    """ASGI middleware that answers 503 `retry_later` for a request that is cancelled before its answer began.

    Args:
        app: the application behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            if begun:
                raise
            await problem_of(_STOPPING)(scope, receive, send)
