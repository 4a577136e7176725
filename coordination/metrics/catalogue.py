"""Every metric of the service: name, unit, labels, meaning. Nothing is counted here.

Labels have few values that are known beforehand: never a workspace, session, user, agent or path, because each new
value costs memory for as long as the process lives, and because a scrape spans all tenants. What has a moment's value
(a gauge) says how the values of several worker processes become one.
"""

from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from coordination import __version__
from coordination.domain.visibility import ClientKind

ClaimOutcome = Literal[
    "granted", "held", "timed_out", "cancelled", "cycle", "too_many_waits", "refused", "unavailable"
]
LeaseEnd = Literal["released", "completed", "revoked"]

_REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STATEMENT_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2)
_WAIT_BUCKETS: Final = (0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60)
_HOLD_BUCKETS: Final = (1, 5, 15, 60, 180, 300, 600, 900, 1800, 3600)

# When a series began would be a second series for each one, and nobody here asks.
disable_created_metrics()


class Metrics:
    """The metrics of one application.

    Attributes:
        registry: the registry that holds them, for a scrape.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.connections = Counter(
            "coordination_connections_total",
            "MCP clients that introduced themselves (initialize or server/discover), by kind of client.",
            ["client"],
            registry=registry,
        )
        self.tool_listings = Counter(
            "coordination_tool_listings_total",
            "Answered lists of tools, by kind of client.",
            ["client"],
            registry=registry,
        )
        self.tool_calls = Counter(
            "coordination_tool_calls_total",
            "Calls of coordination tools by callers that see them, by tool and outcome: ok or the code of the error.",
            ["tool", "outcome"],
            registry=registry,
        )
        self.refusals = Counter(
            "coordination_refusals_total",
            "Refused requests, by the code of the error; hidden_tool: calls of tools that the caller may not see.",
            ["reason"],
            registry=registry,
        )
        self.requests = Histogram(
            "coordination_request_seconds",
            "Time from a request's head to the end of its answer, or to the first byte of a stream.",
            ["route", "method", "status"],
            registry=registry,
            buckets=_REQUEST_BUCKETS,
        )
        self.claims = Counter(
            "coordination_claims_total", "Claims of file locks, by outcome.", ["outcome"], registry=registry
        )
        self.claim_waits = Histogram(
            "coordination_claim_wait_seconds",
            "How long claims that may wait waited, by outcome.",
            ["outcome"],
            registry=registry,
            buckets=_WAIT_BUCKETS,
        )
        self.holds = Histogram(
            "coordination_lease_hold_seconds",
            "How long leases were held that somebody ended, by how: those that ended by time are expiries.",
            ["end"],
            registry=registry,
            buckets=_HOLD_BUCKETS,
        )
        self.expiries = Counter(
            "coordination_expiries_total",
            "What ended by the clock and was cleared away: leases, and places in the queue whose waiters died.",
            registry=registry,
        )
        self.statements = Histogram(
            "coordination_database_seconds",
            "How long calls had to do with the database: waiting for a connection, and the statement.",
            registry=registry,
            buckets=_STATEMENT_BUCKETS,
        )
        self._make_gauges(registry)
        for outcome in get_args(ClaimOutcome):
            self.claims.labels(outcome)
        for client in get_args(ClientKind):
            self.connections.labels(client)

    def _make_gauges(self, registry: CollectorRegistry) -> None:
        def of_database(name: str, meaning: str) -> Gauge:
            """A value that every process would read alike."""
            return Gauge(name, meaning, registry=registry, multiprocess_mode="livemostrecent")

        def summed(name: str, meaning: str) -> Gauge:
            return Gauge(name, meaning, registry=registry, multiprocess_mode="livesum")

        self.queue_depth = of_database(
            "coordination_queue_depth",
            "Claims that wait for their turn, of all sessions and processes; NaN while the database cannot say.",
        )
        self.event_lag = Gauge(
            "coordination_event_lag_seconds",
            "How long ago the event feed last knew that it had missed nothing; of several workers the worst.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.pool_size = summed(
            "coordination_pool_connections", "Most connections to the database for calls."
        )
        self.pool_in_use = summed(
            "coordination_pool_connections_in_use", "Connections to the database that a call has."
        )
        self.pool_waiting = summed("coordination_pool_waiting", "Calls that wait for such a connection.")
        self.waiting_calls = summed(
            "coordination_waiting_calls", "Calls that wait for something to happen, without streams."
        )
        self.event_streams = summed("coordination_event_streams", "Open streams of events, of every kind.")
        self.build = Gauge(
            "coordination_build_info",
            "Always 1; the label is the release.",
            ["version"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.build.labels(__version__).set(1)
