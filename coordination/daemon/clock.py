"""Seconds that go on while the machine sleeps.

A lease ends by the clock of a database that does not sleep, so how long it can be trusted is counted by a clock that
does not stop either. It says nothing about the time of day, and begins anywhere.
"""

import sys
import time

if sys.platform == "linux":

    def boot_seconds() -> float:
        """Return the seconds since the machine started, with those that it slept."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":  # pragma: other platform

    def boot_seconds() -> float:
        """Return the seconds since the machine started, with those that it slept."""
        # What time.monotonic() reads there stops in sleep; this clock does not.
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:  # pragma: other platform

    def boot_seconds() -> float:
        """Return seconds that never go back; whether they go on in sleep is the system's affair."""
        return time.monotonic()
