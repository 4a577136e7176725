"""Judges a kept history from the command line: ``python -m tests.history.checker run.jsonl``.

Exit codes: 0 nothing is wrong, 1 something is, 2 the file cannot be judged.
"""

import sys
from pathlib import Path

from tests.history.checker.storage import load
from tests.history.checker.verdict import judge


def main(arguments: list[str]) -> int:
    """Judge the one file that is named and print every violation on a line of its own."""
    if len(arguments) != 1:
        print("usage: python -m tests.history.checker HISTORY.jsonl", file=sys.stderr)
        return 2
    try:
        history = load(Path(arguments[0]))
        violations = judge(history)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    for violation in violations:
        print(violation)
    print(f"{len(history.calls)} calls, {len(history.events)} events, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
