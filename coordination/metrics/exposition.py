"""A scrape: all metrics as Prometheus reads them, of every worker process of a service.

Several workers share their numbers in files, as prometheus-client has it (its "multiprocess mode"): whoever starts them
names a folder in PROMETHEUS_MULTIPROC_DIR before they begin (`app.worker_metrics`). What was counted by one that ended
stays counted. One process alone needs nothing of it.
"""

from typing import Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from coordination.metrics.catalogue import Metrics

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


def is_shared() -> bool:
    """Whether this process shares its numbers with other workers of its service."""
    return bool(getattr(values.ValueClass, "_multiprocess", False))


def written(metrics: Metrics) -> bytes:
    """Write a scrape of `metrics`, with those of all other workers if there are any."""
    if not is_shared():
        return generate_latest(metrics.registry)
    together = CollectorRegistry()
    MultiProcessCollector(together)
    return generate_latest(together)
