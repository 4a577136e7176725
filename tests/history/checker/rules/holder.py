"""Rule 7: renew and release take effect only on the exact grant that is live, for its holder.

A token that was never granted, belongs to somebody else, was given up, revoked, or replaced by a later grant
must be refused. Whether the lease had expired is rule 3.
"""

from collections.abc import Iterator

from tests.history.checker.acts import Act
from tests.history.checker.case import Case, Rule, Violation, blame
from tests.history.checker.paths import chain
from tests.history.checker.tenures import Tenure


def judge(case: Case) -> Iterator[Violation]:
    """Yield every renewal and release that took effect on another grant than the caller's live one."""
    yield from _never_granted(case)
    yield from _other_than_named(case)
    for tenure in case.tenures:
        for act in (*tenure.renewals, *tenure.ends):
            if act.deed in {"renew", "release"}:
                yield from _judge_act(tenure, act)


def _judge_act(tenure: Tenure, act: Act) -> Iterator[Violation]:
    if act.agent != tenure.agent:
        yield blame(Rule.HOLDER, f"{act} by {act.agent} took effect on {tenure}", act, tenure)
    for end in tenure.ends:
        if end is not act and _after(act, end):
            yield blame(Rule.HOLDER, f"{act} took effect after {end}", act, end, tenure)
            return
    later = tenure.replaced_by
    if later is not None and act.earliest > later.start:
        yield blame(Rule.HOLDER, f"{act} took effect although {later} had replaced that grant", act, later)


def _after(act: Act, end: Act) -> bool:
    """Whether the act certainly came after the end; of two releases without an order the later found did."""
    if act.event is not None and end.event is not None:
        return act.event.seq > end.event.seq
    if act.deed == end.deed == "release" and act.event is None:
        return end.event is not None or _number(act) > _number(end)
    return act.earliest > end.latest


def _number(act: Act) -> int:
    return 0 if act.call is None else act.call.id


def _never_granted(case: Case) -> Iterator[Violation]:
    unheard = {
        (call.session, call.agent, chain(path)[0])
        for call in case.history.calls
        if call.kind == "claim" and call.outcome == "unknown" and not case.has_events
        for path in call.paths
    }
    for acts in case.log.acts.values():
        if any(act.deed == "grant" for act in acts):
            continue
        for act in acts:
            excused = (act.session, act.agent, act.path) in unheard or (act.deed == "revoke" and unheard)
            if not excused:
                yield blame(Rule.HOLDER, f"{act} names a grant that was never made", act)


def _other_than_named(case: Case) -> Iterator[Violation]:
    for call in case.history.calls:
        if call.outcome != "ok" or call.kind != "release":
            continue
        sent = {chain(path)[0]: token for path, token in call.tokens.items()}
        for lease in call.leases:
            token = sent.get(chain(lease.path)[0], lease.token)
            if token != lease.token:
                yield blame(Rule.HOLDER, f"{call} named token {token} and gave up {lease.token}", call)
