"""Rule 6: fencing tokens grow with every grant, across everything, and a renewal keeps its token.

Within a session grants are ordered by the database clock, for they are made one at a time. Across sessions
only what one client heard before another asked is an order. Several paths of one grant may share a token or
have one each.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

from tests.history.checker.case import Case, Rule, Violation, blame
from tests.history.checker.paths import chain
from tests.history.checker.tenures import Tenure


def judge(case: Case) -> Iterator[Violation]:
    """Yield every token that was given twice, too late, or changed by a renewal."""
    yield from _twice(case)
    sessions: dict[str, list[Tenure]] = defaultdict(list)
    for tenure in case.tenures:
        sessions[tenure.session].append(tenure)
        yield from _changed(tenure)
    for tenures in sessions.values():
        yield from _growing(tenures)
    yield from _growing_everywhere(case)
    yield from _changed_by_renewal(case)


def _twice(case: Case) -> Iterator[Violation]:
    first: dict[int, Tenure] = {}
    for tenure in case.tenures:
        known = first.setdefault(tenure.token, tenure)
        one_grant = (known.session, known.agent, known.start) == (tenure.session, tenure.agent, tenure.start)
        if not one_grant:
            yield blame(
                Rule.FENCING, f"token {tenure.token} was given twice: {known}; {tenure}", known, tenure
            )


def _changed(tenure: Tenure) -> Iterator[Violation]:
    """A repeated claim on a lease that is certainly held must keep it."""
    later = tenure.replaced_by
    same = later is not None and later.operation == tenure.operation
    if later is not None and same and tenure.sure_end == tenure.last_end == later.start < tenure.expires_at:
        if any(end.latest <= later.start for end in tenure.ends):
            return
        yield blame(Rule.FENCING, f"{later} replaced the same agent's live {tenure}", tenure, later)


def _growing(tenures: list[Tenure]) -> Iterator[Violation]:
    """Within a session every grant has larger tokens than all grants before it."""
    highest: Tenure | None = None
    for _, same_instant in groupby(tenures, key=lambda tenure: tenure.start):
        group = list(same_instant)
        for tenure in group:
            if highest is not None and tenure.token <= highest.token:
                message = f"{tenure} came after {highest} and its token is not larger"
                yield blame(Rule.FENCING, message, highest, tenure)
        top = max(group, key=lambda tenure: tenure.token)
        if highest is None or top.token > highest.token:
            highest = top


def _growing_everywhere(case: Case) -> Iterator[Violation]:
    """Whatever was granted after an answer was heard has a larger token than that answer."""
    answered = [tenure for tenure in case.tenures if tenure.grant.call is not None]
    heard = sorted(
        (
            (tenure.grant.call.completed, tenure)
            for tenure in answered
            if tenure.grant.call and tenure.grant.call.completed
        ),
        key=lambda pair: pair[0],
    )
    instants = [completed for completed, _ in heard]
    highest: list[Tenure] = []
    for _, tenure in heard:
        highest.append(tenure if not highest or tenure.token > highest[-1].token else highest[-1])
    for tenure in answered:
        call = tenure.grant.call
        before = bisect_left(instants, call.invoked) if call is not None else 0
        if (
            before
            and highest[before - 1].token > tenure.token
            and highest[before - 1].session != tenure.session
        ):
            former = highest[before - 1]
            if not _asked_before(case, tenure):
                message = f"{tenure} was asked for after {former} was heard and its token is not larger"
                yield blame(Rule.FENCING, message, former, tenure)


def _asked_before(case: Case, tenure: Tenure) -> bool:
    """Whether an earlier call that heard nothing may have made this grant, which the call then only found."""
    return any(
        call.outcome == "unknown"
        and call.kind == "claim"
        and (call.session, call.agent) == (tenure.session, tenure.agent)
        and tenure.path in {chain(path)[0] for path in call.paths}
        for call in case.history.calls
    )


def _changed_by_renewal(case: Case) -> Iterator[Violation]:
    for call in case.history.calls:
        if call.outcome != "ok" or call.kind != "renew":
            continue
        sent = {chain(path)[0]: token for path, token in call.tokens.items()}
        for lease in call.leases:
            token = sent.get(chain(lease.path)[0], lease.token)
            if token != lease.token:
                yield blame(Rule.FENCING, f"{call} renewed token {token} and was given {lease.token}", call)
