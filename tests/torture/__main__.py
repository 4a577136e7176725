"""Drive the service under faults from a seed: ``python -m tests.torture --seed 1 --minutes 2``.

Fifty agents in three sessions claim files and work on the tasks of plans that change under them, a person revokes
leases, and readers follow the events by every way there is, while two services and their Postgres are killed, stopped
and cut off. Then the history is judged. Two lines say what came of it. With a violation, or when too little happened
to prove anything, history and logs are kept and the exit code is 1.
"""

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from tests.history.checker import judge, save
from tests.torture import service
from tests.torture.run import Outcome, Plan, Run
from tests.torture.sufficiency import exercised, shortcomings
from tests.torture.weakening import WEAKENINGS


def main() -> int:
    """Run one seed; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--keep", type=Path, help="where to keep the history, whatever comes of it")
    parser.add_argument(
        "--weaken",
        choices=sorted((*WEAKENINGS, *service.WEAKENINGS)),
        action="append",
        default=[],
        help=argparse.SUPPRESS,
    )
    chosen = parser.parse_args()
    plan = Plan(chosen.seed, chosen.minutes * 60, tuple(chosen.weaken))
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    outcome = asyncio.run(Run(plan, folder).carry_out())
    code = report(plan, outcome, chosen.keep)
    if code == 0:
        shutil.rmtree(folder)
    else:
        print(f"logs: {folder}")
    return code


def report(plan: Plan, outcome: Outcome, keep: Path | None) -> int:
    """Judge what happened and say so; returns the exit code."""
    history = outcome.history
    violations = judge(history)
    missing = shortcomings(history, None if plan.weakenings else outcome.faults)
    for finding in (*outcome.broken, *violations):
        print(f"  {finding}")
    for lack in missing:
        print(f"  too little happened to prove anything: {lack}")
    injected = ", ".join(f"{count} {name}" for name, count in sorted(outcome.faults.items())) or "none"
    print(
        f"seed {plan.seed}: {outcome.calls} operations, {len(history.events)} events, faults: {injected};"
        f" {len(outcome.broken) + len(violations)} violations"
    )
    print(f"  {exercised(history)}")
    bad = bool(outcome.broken or violations or missing)
    if keep is not None or bad:
        kept = keep or Path(f"torture-seed-{plan.seed}.jsonl")
        save(history, kept)
        print(f"history: {kept}")
    return 1 if bad else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
