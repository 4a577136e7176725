"""Whether a run did enough for its verdict to mean something: a run in which nothing happened proves nothing.

It asks for shares and for kinds, not for numbers that a slow machine misses.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from tests.history.checker import History
from tests.torture.faults import KINDS

LEAST_SHARES: Final = {"ok": 0.1, "held": 0.05}
"""Of all claims, how many at least must have heard that answer."""


def shortcomings(history: History, faults: Mapping[str, int] | None) -> list[str]:
    """What is missing from a run, in plain words; `faults` counts those that happened, None when none were meant to."""
    return [*_faults(faults), *_claims(history), *_others(history)]


def _faults(faults: Mapping[str, int] | None) -> Iterator[str]:
    for name in KINDS if faults is not None else ():
        if not (faults or {}).get(name):
            yield f'the fault "{name}" did not happen'


def _claims(history: History) -> Iterator[str]:
    heard = Counter(call.outcome for call in history.calls if call.kind == "claim")
    for outcome, share in LEAST_SHARES.items():
        if heard[outcome] < share * max(heard.total(), 1):
            yield f'only {heard[outcome]} of {heard.total()} claims heard "{outcome}"; {share:.0%} must'


def _others(history: History) -> Iterator[str]:
    told = {call.kind for call in history.calls if call.outcome == "ok" and call.leases}
    for kind in ("renew", "release", "revoke"):
        if kind not in told:
            yield f"no {kind} took effect"
    if not any(waiter.granted_at is not None for waiter in history.waiters):
        yield "no waiter was granted from the queue"
    for session in {event.session for event in history.events}:
        if not any(reader.session == session and reader.seqs for reader in history.readers):
            yield f"nobody read the events of {session}"
    if len({call.checkout for call in history.calls if call.outcome == "ok"}) < 2:
        yield "all claims were of one checkout"
