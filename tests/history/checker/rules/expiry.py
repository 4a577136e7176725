"""Rule 3: what has expired is free at once and never comes back.

No renewal, release or repeated claim takes effect on a lease from its ``expires_at`` on; none is called
expired before; a repeated claim never shortens. A grant over somebody's expired lease has that lease's
``lock.expired`` before it.
"""

from collections.abc import Iterator

from tests.history.checker.acts import Act
from tests.history.checker.case import Case, Rule, Violation, blame
from tests.history.checker.paths import PathIndex, conflict
from tests.history.checker.tenures import Tenure


def judge(case: Case) -> Iterator[Violation]:
    """Yield every lease that came back or was declared expired wrongly, and every silent removal."""
    for tenure in case.tenures:
        yield from _life(tenure)
    if case.has_events:
        yield from _silent_removals(case)


def _life(tenure: Tenure) -> Iterator[Violation]:
    expires_at = tenure.grant.lease.expires_at or tenure.start
    for act in sorted([*tenure.renewals, *tenure.ends], key=lambda act: act.order):
        if act.deed in {"renew", "release"} and act.earliest >= expires_at and not tenure.doubtful:
            message = (
                f"{act} came at {act.earliest:.6f} or later, but {tenure} had expired at {expires_at:.6f}"
            )
            yield blame(Rule.EXPIRY, message, act, tenure)
        elif act.deed == "expire" and act.latest < expires_at:
            message = f"{act} came at {act.latest:.6f}, but {tenure} was to last until {expires_at:.6f}"
            yield blame(Rule.EXPIRY, message, act, tenure)
        elif act.deed == "renew" and act.lease.expires_at is not None:
            if _shortens(act, expires_at):
                yield blame(Rule.EXPIRY, f"{act} shortened {tenure} from {expires_at:.6f}", act, tenure)
            expires_at = act.lease.expires_at


def _shortens(act: Act, expires_at: float) -> bool:
    """Whether a repeated claim, whose place in the order is known, took time away."""
    claimed = act.call is not None and act.call.kind == "claim"
    return claimed and act.event is not None and (act.lease.expires_at or 0.0) < expires_at


def _silent_removals(case: Case) -> Iterator[Violation]:
    """Replay the events: an expired foreign lease that a grant still finds was removed without a word."""
    replaced = {id(tenure.replaced_by): tenure for tenure in case.tenures if tenure.replaced_by is not None}
    steps = [
        (tenure.session, act.event.seq, number, tenure, act)
        for number, tenure in enumerate(case.tenures)
        for act in (tenure.grant, *tenure.ends)
        if act.event is not None
    ]
    steps.sort(key=lambda step: step[:3])
    rows: dict[str, PathIndex[Tenure]] = {}
    present: set[int] = set()
    for session, _, _, tenure, act in steps:
        table = rows.setdefault(session, PathIndex())
        if act is not tenure.grant:
            _drop(table, present, tenure)
            continue
        for other in _expired_below(table, tenure):
            over = f"{other}, expired at {other.expires_at:.6f}"
            message = f"{tenure} was granted over {over}, before any lock.expired"
            yield blame(Rule.EXPIRY, message, tenure, other)
            _drop(table, present, other)
        if (former := replaced.get(id(tenure))) is not None:
            _drop(table, present, former)
        table.add(tenure.path, tenure)
        present.add(id(tenure))


def _expired_below(table: PathIndex[Tenure], tenure: Tenure) -> list[Tenure]:
    return [
        other
        for other in table.overlapping(tenure.path)
        if other.expires_at <= tenure.start and conflict(tenure, other, tenure.path)
    ]


def _drop(table: PathIndex[Tenure], present: set[int], tenure: Tenure) -> None:
    if id(tenure) in present:
        present.remove(id(tenure))
        table.remove(tenure.path, tenure)
