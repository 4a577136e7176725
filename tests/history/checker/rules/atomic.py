"""Rule 2: a claim of several paths is granted wholly, at one instant, or leaves nothing behind.

An answer is compared with what was asked. A grant event that no answer mentions must belong to a call that
heard nothing, and then to all of its paths; when only a refused call fits, the refusal was untrue. (That it
belongs to any call at all is half of rule 8, and is judged here because it is the same search.)
"""

from collections import defaultdict
from collections.abc import Iterator

from tests.history.checker.case import Case, Rule, Violation, blame
from tests.history.checker.paths import chain
from tests.history.checker.records import Call
from tests.history.checker.tenures import Tenure

_Asked = dict[tuple[str, str, str], list[Call]]


def judge(case: Case) -> Iterator[Violation]:
    """Yield partial grants, refused claims that granted something, and grants that nobody asked for."""
    claims = [call for call in case.history.calls if call.kind == "claim"]
    for call in claims:
        yield from _answer(call)
    unheard = _by_path(call for call in claims if call.outcome == "unknown")
    yield from _instants(case, unheard)
    if case.has_events:
        refused = _by_path(call for call in claims if call.outcome in {"held", "fail"})
        yield from _Orphans(case, unheard, refused).judge()


def _wanted(call: Call) -> frozenset[str]:
    return frozenset(chain(path)[0] for path in call.paths)


def _by_path(calls: Iterator[Call]) -> _Asked:
    asked: _Asked = defaultdict(list)
    for call in calls:
        for path in _wanted(call):
            asked[call.session, call.agent, path].append(call)
    return asked


def _answer(call: Call) -> Iterator[Violation]:
    """What one claim was told, against what it asked."""
    if call.outcome != "ok":
        if call.outcome != "unknown" and call.leases:
            yield blame(Rule.ALL_OR_NOTHING, f"{call} was refused and was given leases", call)
        return
    given = [chain(lease.path)[0] for lease in call.leases]
    if len(given) != len(set(given)):
        yield blame(Rule.ALL_OR_NOTHING, f"{call} was given one path twice", call)
    if missing := sorted(_wanted(call) - set(given)):
        yield blame(Rule.ALL_OR_NOTHING, f"{call} was granted without {missing}", call)
    if extra := sorted(set(given) - _wanted(call)):
        yield blame(Rule.ALL_OR_NOTHING, f"{call} was given {extra}, which it did not ask for", call)
    if call.operation != "read" and any(lease.operation == "read" for lease in call.leases):
        yield blame(Rule.ALL_OR_NOTHING, f"{call} was given a read lease instead of {call.operation}", call)


def _instants(case: Case, unheard: _Asked) -> Iterator[Violation]:
    """The new leases of one claim have one instant.

    Leases that an unheard call may have got before are not new.
    """
    fresh: dict[int, list[Tenure]] = defaultdict(list)
    for tenure in case.tenures:
        call = tenure.grant.call
        if call is not None and (tenure.session, tenure.agent, tenure.path) not in unheard:
            fresh[call.id].append(tenure)
    for tenures in fresh.values():
        if len({tenure.start for tenure in tenures}) > 1:
            message = f"{tenures[0].grant.call} was granted at several instants: {[t.start for t in tenures]}"
            yield blame(Rule.ALL_OR_NOTHING, message, *tenures)


class _Orphans:
    """Finds the call behind every grant that no answer mentions."""

    def __init__(self, case: Case, unheard: _Asked, refused: _Asked) -> None:
        self._case = case
        self._unheard = unheard
        self._refused = refused
        self._used: set[int] = set()
        self._calls = {call.id: call for call in case.history.calls}
        self._held: dict[tuple[str, str, str], list[Tenure]] = defaultdict(list)
        for tenure in case.tenures:
            self._held[tenure.session, tenure.agent, tenure.path].append(tenure)

    def judge(self) -> Iterator[Violation]:
        """Yield what is wrong with grants that are wholly or partly unmentioned."""
        for group in self._case.groups.values():
            silent = [tenure for tenure in group if tenure.grant.call is None]
            if not silent:
                continue
            violation = self._silent(group) if len(silent) == len(group) else self._partly(group, silent)
            if violation is not None:
                yield violation

    def _partly(self, group: list[Tenure], silent: list[Tenure]) -> Violation | None:
        if self._fitting(group, self._unheard):
            return None
        told = next(tenure for tenure in group if tenure.grant.call is not None)
        paths = [tenure.path for tenure in silent]
        message = f"{told.grant.call} was not told of {paths}, granted at the same instant"
        return blame(Rule.ALL_OR_NOTHING, message, told, *silent)

    def _silent(self, group: list[Tenure]) -> Violation | None:
        event = group[0].grant.event
        named = self._calls.get(event.call) if event is not None and event.call is not None else None
        fitting = [named] if named is not None else self._fitting(group, self._unheard)
        possible = [call for call in fitting if call.outcome == "unknown"]
        for call in possible:
            if self._complete(call, group):
                self._used.add(call.id)
                return None
        paths = [tenure.path for tenure in group]
        if possible:
            return blame(Rule.ALL_OR_NOTHING, f"{possible[0]} took only {paths}", possible[0], *group)
        refused = [named] if named is not None else self._fitting(group, self._refused)
        for call in refused:
            if group[0].start <= self._case.clocks.latest(call):
                return blame(Rule.ALL_OR_NOTHING, f"{call} was refused, and yet took {paths}", call, *group)
        return blame(Rule.EVENTS, f"{group[0]} and its like ({paths}) belong to no call that asked", *group)

    def _fitting(self, group: list[Tenure], asked: _Asked) -> list[Call]:
        """Calls that asked for all paths of the group and may have been carried out then.

        The narrowest first.
        """
        first = group[0]
        paths = {tenure.path for tenure in group}
        fitting = [
            call
            for call in asked.get((first.session, first.agent, first.path), ())
            if call.id not in self._used
            and paths <= _wanted(call)
            and self._case.clocks.earliest(call) <= first.start
        ]
        return sorted(fitting, key=lambda call: (len(call.paths), call.invoked))

    def _complete(self, call: Call, group: list[Tenure]) -> bool:
        """Whether the group has every path of the call that its agent did not hold already."""
        instant = group[0].start
        rest = _wanted(call) - {tenure.path for tenure in group}
        return all(
            any(
                tenure.start <= instant <= tenure.last_end
                for tenure in self._held[call.session, call.agent, path]
            )
            for path in rest
        )
