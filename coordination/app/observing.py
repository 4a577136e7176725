"""What one application tells of itself to those who run it: its metrics, and its traces where they are wanted."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from coordination import __version__
from coordination.app import tracing
from coordination.app.sampler import Sampler
from coordination.metrics import CONTENT_TYPE, Metrics, is_shared
from coordination.services.core import Core
from coordination.settings import Settings
from coordination.store.database import Observe
from coordination.transport.measured import Measured
from coordination.transport.web.metrics import metrics_router

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


class Observing:
    """The metrics and traces of one application.

    Attributes:
        metrics: where its parts count.
    """

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._traces = tracing.provider()
        self._tracer = self._traces and self._traces.get_tracer("coordination", __version__)

    @property
    def statement(self) -> Observe:
        """What measures a statement, and makes a span of it where requests have spans."""
        return self.metrics.statements.time if self._tracer is None else partial(self._traced, self._tracer)

    def routers(self, settings: Settings, core: Core) -> list[APIRouter]:
        """Return the page of the metrics, if it is served; hosted it needs a token, because it spans workspaces."""
        if not settings.is_hosted:
            token = None
        elif settings.metrics_token is not None:
            token = settings.metrics_token.get_secret_value()
        else:
            return []
        return [metrics_router(Sampler(core).scrape, content_type=CONTENT_TYPE, token=token)]

    def put_around(self, app: FastAPI) -> None:
        """Observe the requests of an application; call it after every other middleware was added."""
        if self._tracer is not None:
            from coordination.transport.traced import Traced  # noqa: PLC0415 - most services trace nothing

            app.add_middleware(Traced, tracer=self._tracer)
        app.add_middleware(Measured, metrics=self.metrics)

    @asynccontextmanager
    async def running(self, core: Core) -> AsyncGenerator[None]:
        """Share the moment's values with other workers while the block runs, and let the last spans leave after it."""
        sampling = asyncio.create_task(Sampler(core).keep_sampling()) if is_shared() else None
        try:
            yield
        finally:
            if sampling is not None:
                sampling.cancel()
                with suppress(asyncio.CancelledError):
                    await sampling
            if self._traces is not None:
                await tracing.end(self._traces)

    @contextmanager
    def _traced(self, tracer: "Tracer") -> Generator[None]:
        with (
            self.metrics.statements.time(),
            # An exception may hold anything, and the request's span says how it ended.
            tracer.start_as_current_span("postgresql", record_exception=False, set_status_on_exception=False),
        ):
            yield
