"""What the service is like: each part's state, for the health routes. Names, states and counts; nothing of anybody's.

Calls cannot be answered without a reachable database whose schema is at least this release's, and not while the event
feed is blind. Without notifications the feed still looks by itself once a second: worse, but good; and no fault where a
pooler was declared through which none come.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from coordination import __version__
from coordination.app.schema import Schema
from coordination.services.core import Core
from coordination.transport.mcp.visibility import Refusals
from coordination.transport.web.health import Condition

BLIND_SECONDS: Final = 10.0
_GOOD: Final = {"ok", "current", "listening", "applied", "not needed", "sending"}
# Calls are answered all the same.
_BEARABLE: Final = {"ahead", "looking", "absent", "no policies", "failing"}


class Observer:
    """Looks at every part of one service.

    Args:
        core: the shared parts of the use cases.
        schema: the database's schema.
        tools: the names of the registered tools.
        refusals: the counter of refused calls.
        database: what can be said of the database without a look: whose it is and how it is reached.
    """

    def __init__(
        self,
        core: Core,
        schema: Schema,
        *,
        tools: Sequence[str],
        refusals: Refusals,
        database: Mapping[str, str],
    ) -> None:
        self._core = core
        self._schema = schema
        self._tools = list(tools)
        self._refusals = refusals
        self._database = dict(database)

    def started(self) -> bool:
        """Whether there was a good connection to a fitting schema once."""
        return self._schema.fits.is_set()

    async def look(self) -> Condition:
        """Look at every part; three short statements on the database, the first of which fails in two seconds."""
        schema, revision = await self._schema.look()
        reachable = schema != "unreachable"
        states: dict[str, str] = {
            "database": "ok" if reachable else "unreachable",
            "migrations": schema if reachable else "unknown",
            "event_feed": self._feed(),
        }
        # Asked of a fitting schema alone: another one is trouble enough.
        policies = await self._schema.policies() if schema in {"current", "ahead"} else "unknown"
        if self._core.broadcast.state != "off":
            states["realtime"] = self._core.broadcast.state
        if policies == "absent":
            states["row_policies"] = policies
        good = _GOOD if self._core.database.keeps_sessions else _GOOD | {"looking"}
        bad = {part: state for part, state in states.items() if state not in good}
        feed = self._core.feed
        return Condition(
            started=self.started(),
            failing={part: state for part, state in bad.items() if state not in _BEARABLE},
            degraded={part: state for part, state in bad.items() if state in _BEARABLE},
            details={
                "service": "coordination",
                "version": __version__,
                "database": {"state": states["database"], **self._database},
                "migrations": {
                    "state": states["migrations"],
                    "revision": revision,
                    "newest_known": self._schema.newest,
                },
                "row_policies": {"state": policies},
                "realtime": {"state": self._core.broadcast.state},
                "event_feed": {"state": states["event_feed"], "lag_seconds": round(feed.lag_seconds, 2)},
                "coordination_tools": self._tools,
                "counts": {
                    "coordination_tools": len(self._tools),
                    "refused_calls": self._refusals.refused_calls,
                },
            },
        )

    def _feed(self) -> str:
        if self._core.feed.lag_seconds > BLIND_SECONDS:
            return "blind"
        return "listening" if self._core.feed.listening else "looking"
