"""The person's policy: whether an edit goes through while nobody can say whether the file is free.

It reads the text of the policy file and decides for absolute paths; docs/reference/policy.md has the rules. The hook
program decides by the same rules in code of its own, because it runs where this package may be missing: both are
tested with `tests/unit/domain/policy_cases.json`. Where the file lies, and who owns it, is not decided here.

Patterns are matched part by part and not as regular expressions, so that no pattern takes long on any path.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from coordination.domain.path import fold
from coordination.domain.text import shown

MOST_BYTES: Final = 65_536
_ANY: Final = "*"
_FOLDERS: Final = "**"
_FIRST_PRINTABLE: Final = " "
_DELETE: Final = "\x7f"
_Item = TypeVar("_Item")


class Answer(StrEnum):
    """What happens to an edit that nobody could ask about."""

    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: what matches any of these patterns gets this answer.

    Attributes:
        patterns: each as its parts, folded, from the root of the disk; ``**`` is any number of folders.
        answer: what they get.
    """

    patterns: tuple[tuple[str, ...], ...]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Policy:
    """What a policy file says.

    Attributes:
        rules: its lines, in order.
        problem: why the file cannot be believed, as a sentence for the person; '' when it can. The rules are then that
            every file is blocked.
    """

    rules: tuple[Rule, ...] = ()
    problem: str = ""


class _BadLine(Exception):
    """The message completes "Line 3 of the policy ..."."""


def parse(content: bytes | None, homes: Sequence[str]) -> Policy:
    """Read a policy file.

    Args:
        content: what it holds; None when there is none.
        homes: the absolute path of the home folder, as the system names it and with links followed.
    """
    if content is None:
        return Policy()
    if len(content) > MOST_BYTES:
        return unreadable(f"has more than {MOST_BYTES} bytes")
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        return unreadable("is not UTF-8")
    rules: list[Rule] = []
    for number, line in enumerate((line.strip() for line in lines), start=1):
        if line and not line.startswith("#"):
            try:
                rules.append(_rule(line, homes))
            except _BadLine as bad:
                return unreadable(f'cannot be read in line {number}, "{shown(line)}": {bad}')
    return Policy(tuple(rules))


def unreadable(why: str) -> Policy:
    """Return the policy of a file that cannot be believed: everything is blocked.

    Args:
        why: completes "The policy file ...".
    """
    everything = Rule(((_FOLDERS,),), Answer.BLOCK)
    return Policy((everything,), f"The policy file {why}. Until that is mended, it blocks every file.")


def decide(policy: Policy, *paths: str) -> Answer:
    """Return what happens to an edit of one file: the last line that matches decides, else it is `warn`.

    Args:
        policy: the person's.
        paths: the absolute path as it was asked for, and the real one. Each is looked up, and `block` wins.
    """
    answers = {_answer(policy, tuple(part for part in fold(path).split("/") if part)) for path in paths}
    return Answer.BLOCK if Answer.BLOCK in answers else Answer.WARN


def _answer(policy: Policy, path: tuple[str, ...]) -> Answer:
    for rule in reversed(policy.rules):
        if any(_matches(pattern, path, _FOLDERS, _matches_name) for pattern in rule.patterns):
            return rule.answer
    return Answer.WARN


def _rule(line: str, homes: Sequence[str]) -> Rule:
    *before, word = line.rsplit(None, 1)
    try:
        answer = Answer(word.lower())
    except ValueError:
        raise _BadLine("it does not end in warn or block") from None
    return Rule(_patterns("".join(before), homes), answer)


def _patterns(pattern: str, homes: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    _refuse(pattern)
    below = _below(pattern)
    if pattern == "~" or pattern.startswith("~/"):
        return tuple((*_parts(home), *_parts(pattern[1:]), *below) for home in homes)
    anywhere = () if pattern.startswith("/") else (_FOLDERS,)
    return ((*anywhere, *_parts(pattern), *below),)


def _refuse(pattern: str) -> None:
    if not pattern:
        raise _BadLine("it has no pattern")
    if any(character < _FIRST_PRINTABLE or character == _DELETE for character in pattern):
        raise _BadLine("it has a control character in it")
    if pattern.startswith("!"):
        raise _BadLine("no pattern begins with !; write a later line with the other word")
    if "\\" in pattern:
        raise _BadLine("it has a \\ in it; every character but * and ? already means itself")
    if pattern.startswith("~") and pattern[1:2] not in ("", "/"):
        raise _BadLine("only ~/ is a home folder, your own; write any other from the root of the disk")
    if {".", ".."} & set(pattern.split("/")):
        raise _BadLine("no part of a pattern is . or ..")


def _below(pattern: str) -> tuple[str, ...]:
    """Return what a pattern ends in: all below it, and it itself unless the pattern says that it is a folder."""
    stripped = pattern.rstrip("/")
    is_folder = stripped != pattern or stripped.endswith("/**")
    return (_ANY, _FOLDERS) if is_folder else (_FOLDERS,)


def _parts(pattern: str) -> tuple[str, ...]:
    parts = [part for part in fold(pattern).split("/") if part]
    while len(parts) > 1 and parts[-1] == _FOLDERS:
        parts.pop()
    return tuple(parts)


def _matches_name(pattern: str, name: str) -> bool:
    return _matches(pattern, name, _ANY, lambda wanted, found: wanted in ("?", found))


def _matches(
    pattern: Sequence[_Item], found: Sequence[_Item], star: _Item, one: Callable[[_Item, _Item], bool]
) -> bool:
    """Whether a row of items answers to a pattern in which `star` is any number of items.

    Only the last star ever has to take more: what an earlier one could take, it can too. So the steps are at most the
    product of the two lengths.
    """
    at = here = 0
    last, resume = -1, 0
    while here < len(found):
        if at < len(pattern) and pattern[at] == star:
            last, resume = at, here
            at += 1
        elif at < len(pattern) and one(pattern[at], found[here]):
            at, here = at + 1, here + 1
        elif last >= 0:
            resume += 1
            at, here = last + 1, resume
        else:
            return False
    return all(item == star for item in pattern[at:])
