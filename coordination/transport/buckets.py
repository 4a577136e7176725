"""Rate limits: how often each of many may do something, in bounded memory.

The generic cell rate algorithm: of each key one number is kept, the moment at which its bucket is full again. When
there are more keys than there is room for, those that were not heard of for longest are forgotten, which lets them do
more than they may, and never less. It counts for one process.

The library `limits` does the same with windows; its memory grows with the number of keys, which anybody can make up.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final

MOST_KEYS: Final = 10_000
ROUNDING_SECONDS: Final = 1e-6
"""Less is no wait, but what adding many fractions leaves."""
_NETWORK_BITS: Final = 64


class Buckets:
    """A token bucket for each key.

    Args:
        per_second: how many tokens come in a second.
        burst: how many there are at most, at least 1.
        most_keys: how many keys are remembered.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        per_second: float,
        burst: float,
        *,
        most_keys: int = MOST_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1 / per_second
        self._tolerance = (burst - 1) / per_second
        self._most_keys = most_keys
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str) -> float:
        """Take a token; return 0, or in how many seconds there will be one when there is none now."""
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now)
        if (wait := full_at - now - self._tolerance) > ROUNDING_SECONDS:
            return wait
        self._full_at[key] = full_at + self._interval
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most_keys:
            self._full_at.popitem(last=False)
        return 0.0

    def wait_of(self, key: str) -> float:
        """Return in how many seconds there will be a token, 0 when there is one; none is taken."""
        now = self._clock()
        wait = self._full_at.get(key, now) - now - self._tolerance
        return wait if wait > ROUNDING_SECONDS else 0.0


def retry_after(wait: float) -> int:
    """Return a wait in whole seconds, as `Retry-After` has it: at least 1."""
    return max(1, math.ceil(wait))


@lru_cache(MOST_KEYS)
def address_key(host: str) -> str:
    """Return under what an address is counted: itself, of IPv6 its network of 64 bits, which is one customer's."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
