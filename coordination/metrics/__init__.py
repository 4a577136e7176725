"""What the service counts and measures: every metric by its name, and how a scrape is written.

Whoever does something worth counting is given a `Metrics` and counts there; there is no global one. What is worth
counting is decided where it happens.
"""

from coordination.metrics.catalogue import Metrics
from coordination.metrics.exposition import CONTENT_TYPE, is_shared, written

__all__ = ["CONTENT_TYPE", "Metrics", "is_shared", "written"]
