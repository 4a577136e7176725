"""Judges a history by every rule.

The rules are independent: one broken promise may be reported by several of them.
"""

from tests.history.checker.case import Case, Limits, Rule, Violation
from tests.history.checker.records import History
from tests.history.checker.rules import (
    atomic,
    durability,
    events,
    exclusion,
    expiry,
    fencing,
    holder,
    queue,
    tasks,
)

__all__ = ["Limits", "Rule", "Violation", "judge"]

_RULES = (
    exclusion.judge,
    atomic.judge,
    expiry.judge,
    durability.judge,
    fencing.judge,
    holder.judge,
    events.judge,
    queue.judge,
    tasks.judge,
)


def judge(history: History, limits: Limits | None = None) -> list[Violation]:
    """Decide whether a history kept the promises.

    Args:
        history: what happened; the format is described in the package's docstring.
        limits: how long the service may take; the default fits the design.

    Returns:
        The violations, by rule; an empty list when nothing is certainly wrong.

    Raises:
        ValueError: the history itself is malformed (two calls with one id, a grant without instants).
    """
    numbers = {call.id for call in history.calls}
    if len(numbers) != len(history.calls):
        raise ValueError("two calls of the history have one id")
    case = Case(history, limits or Limits())
    return [violation for rule in _RULES for violation in rule(case)]
