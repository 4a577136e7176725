"""Rule 5, as far as the end shows it: a lease that was acknowledged and did not end is still there.

Nothing else is there. Compares the last snapshot of the lock table with the leases that must be live in it.
Expired rows may lie there: a grant over them removes them.
"""

from collections.abc import Iterator

from tests.history.checker.acts import GrantKey, key_of
from tests.history.checker.case import Case, Rule, Violation, blame
from tests.history.checker.paths import chain
from tests.history.checker.records import LockRow
from tests.history.checker.tenures import Tenure


def judge(case: Case) -> Iterator[Violation]:
    """Yield lost leases, shortened ones, and live rows that no grant explains."""
    now = case.history.header.snapshot_at
    if now is None:
        return
    rows = {key_of(row.session, row.lease): row for row in case.history.locks}
    live: dict[GrantKey, Tenure] = {}
    for tenure in case.tenures:
        key = (tenure.session, tenure.token, tenure.path)
        if tenure.last_end > now:
            live[key] = tenure
        if tenure.sure_end > now:
            yield from _kept(tenure, rows.get(key))
    for key, row in rows.items():
        expires_at = row.lease.expires_at
        if expires_at is not None and expires_at > now and key not in live and not _excused(case, row):
            lease = f'{row.agent}\'s lease {row.lease.token} on "{row.lease.path}"'
            message = f"the lock table has {lease}, which no live grant explains"
            yield Violation(Rule.DURABILITY, message)


def _kept(tenure: Tenure, row: LockRow | None) -> Iterator[Violation]:
    if row is None:
        message = f"{tenure} was to last until {tenure.expires_at:.6f} and is not in the lock table"
        yield blame(Rule.DURABILITY, message, tenure)
    elif row.agent != tenure.agent:
        yield blame(Rule.DURABILITY, f"{tenure} is {row.agent}'s in the lock table", tenure)
    elif row.lease.expires_at is not None and row.lease.expires_at < tenure.sure_end:
        message = (
            f"{tenure} was prolonged to {tenure.sure_end:.6f}; the lock table has {row.lease.expires_at:.6f}"
        )
        yield blame(Rule.DURABILITY, message, tenure, *tenure.renewals)


def _excused(case: Case, row: LockRow) -> bool:
    """Without events a call that heard nothing may have left the row."""
    path = chain(row.lease.path)[0]
    return not case.has_events and any(
        call.outcome == "unknown"
        and (call.session, call.agent) == (row.session, row.agent)
        and path in {chain(name)[0] for name in call.paths}
        for call in case.history.calls
    )
