"""Counting claims: how each one ended, and how long those waited that were ready to.

A claim has one outcome, whatever tries it took: what its caller was told, or `cancelled` when nobody was there any more
to be told. What an outcome means is in docs/reference/metrics.md.
"""

import asyncio
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from coordination.domain.errors import CoordinationError, RetryLater, TooManyWaits, WaitCycle
from coordination.domain.file_lock import Granted, Held, Lease
from coordination.metrics import Metrics
from coordination.metrics.catalogue import ClaimOutcome, LeaseEnd


class Counted:
    """One claim that is being made.

    Args:
        metrics: where it is counted.
        waits: whether it is ready to wait.
    """

    def __init__(self, metrics: Metrics, *, waits: bool) -> None:
        self._metrics = metrics
        self._waits = waits
        self._began = time.monotonic()

    def answered(self, outcome: Granted | Held) -> None:
        """Count an answer that the caller gets."""
        if isinstance(outcome, Granted):
            if outcome.previous_holders:
                self._metrics.expiries.inc(len(outcome.previous_holders))
            self.ended("granted")
        else:
            self.ended("timed_out" if self._waits else "held")

    def ended(self, outcome: ClaimOutcome) -> None:
        """Count the claim."""
        self._metrics.claims.labels(outcome).inc()
        if self._waits:
            self._metrics.claim_waits.labels(outcome).observe(time.monotonic() - self._began)


@contextmanager
def counted(metrics: Metrics, *, waits: bool) -> Generator[Counted]:
    """Count what is raised from the block; what is answered, the block has to tell."""
    claim = Counted(metrics, waits=waits)
    try:
        yield claim
    except asyncio.CancelledError:
        claim.ended("cancelled")
        raise
    except CoordinationError as error:
        claim.ended(_outcome(error))
        raise


def _outcome(error: CoordinationError) -> ClaimOutcome:
    match error:
        case WaitCycle():
            return "cycle"
        case TooManyWaits():
            return "too_many_waits"
        case RetryLater():
            return "unavailable"
        case _:
            return "refused"


def count_holds(metrics: Metrics, leases: Iterable[Lease], end: LeaseEnd) -> None:
    """Count how long leases were held that somebody ended just now."""
    for lease in leases:
        metrics.holds.labels(end).observe(lease.held_seconds)
