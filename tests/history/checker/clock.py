"""Brings the driver's clock and the database's clock together, without believing more than is certain.

With a known offset a call took effect between its two driver instants, moved by the offset. Without one, the
order of calls still tells something: whatever a call heard from the database before another was sent, lies
before that other.
"""

import math
from bisect import bisect_left, bisect_right
from itertools import accumulate

from tests.history.checker.records import Call, History


class Clocks:
    """Bounds, by the database's clock, on when a call may have taken effect."""

    def __init__(self, history: History) -> None:
        header = history.header
        self._offset = header.clock_offset
        self._error = header.clock_error
        heard = sorted(
            (call.completed, _latest_heard(call))
            for call in history.calls
            if call.completed is not None and _latest_heard(call) > -math.inf
        )
        self._heard_at = [completed for completed, _ in heard]
        self._heard = list(accumulate((instant for _, instant in heard), max))
        told = sorted(
            (
                (call.invoked, call.at)
                for call in history.calls
                if call.at is not None and call.completed is not None
            ),
            reverse=True,
        )
        self._told_at = [invoked for invoked, _ in reversed(told)]
        self._told = list(accumulate((at for _, at in told), min))[::-1]

    def earliest(self, call: Call) -> float:
        """The first instant at which the call can have taken effect; minus infinity when nothing is known."""
        if call.at is not None:
            return call.at
        known = bisect_left(self._heard_at, call.invoked)
        # Later in order, even if the clock did not tick between: hence the number after the instant heard.
        bound = math.nextafter(self._heard[known - 1], math.inf) if known else -math.inf
        if self._offset is not None:
            bound = max(bound, call.invoked + self._offset - self._error)
        return bound

    def latest(self, call: Call) -> float:
        """The last instant at which the call can have taken effect; infinity when nothing is known."""
        if call.at is not None:
            return call.at
        if call.completed is None:
            return math.inf
        later = bisect_right(self._told_at, call.completed)
        bound = self._told[later] if later < len(self._told) else math.inf
        if self._offset is not None:
            bound = min(bound, call.completed + self._offset + self._error)
        return bound


def _latest_heard(call: Call) -> float:
    """The latest database instant that certainly lies before the call's answer."""
    granted = (lease.granted_at for lease in call.leases if lease.granted_at is not None)
    return max((call.at if call.at is not None else -math.inf, *granted), default=-math.inf)
