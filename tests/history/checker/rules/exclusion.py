"""Rule 1: no two leases of different agents that exclude each other were certainly held at one instant.

One sweep over time for each session: leases lie in an index by path while they are certainly held, so a new
grant is compared with what it overlaps and with nothing else.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator

from tests.history.checker.case import Case, Rule, Violation, blame
from tests.history.checker.paths import PathIndex, conflict
from tests.history.checker.tenures import Tenure


def judge(case: Case) -> Iterator[Violation]:
    """Yield every pair of leases that were held together and must not have been."""
    sessions: dict[str, list[Tenure]] = defaultdict(list)
    for tenure in case.tenures:
        sessions[tenure.session].append(tenure)
    for tenures in sessions.values():
        yield from _sweep(tenures)


def _sweep(tenures: list[Tenure]) -> Iterator[Violation]:
    held: PathIndex[Tenure] = PathIndex()
    ends: list[tuple[float, int, Tenure]] = []
    for number, tenure in enumerate(tenures):
        while ends and ends[0][0] <= tenure.start:
            gone = heapq.heappop(ends)[2]
            held.remove(gone.path, gone)
        if tenure.sure_end <= tenure.start:
            continue
        for other in held.overlapping(tenure.path):
            if conflict(tenure, other, tenure.path):
                yield _pair(other, tenure)
        held.add(tenure.path, tenure)
        heapq.heappush(ends, (tenure.sure_end, number, tenure))


def _pair(first: Tenure, second: Tenure) -> Violation:
    until = min(first.sure_end, second.sure_end)
    message = f"{first} and {second} were both held from {second.start:.6f} to {until:.6f}"
    return blame(Rule.EXCLUSION, message, first, second)
