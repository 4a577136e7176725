"""Drive the service under faults from a seed: ``python -m tests.torture --seed 1 --minutes 2``.

Fifty agents in three sessions call over MCP while two services and their Postgres are killed and stopped. Then the
history is judged. One line says what came of it; a history with violations is kept and the exit code is 1.
"""

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from tests.history.checker import Recorder, judge, save
from tests.torture.agent import WorkingAgent
from tests.torture.evidence import gather
from tests.torture.faults import Faults
from tests.torture.processes import Services

AGENTS = 50
SESSIONS = ("one", "two", "three")


def main() -> int:
    """Run one seed; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--keep", type=Path, help="where to keep the history, whatever comes of it")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    code = asyncio.run(torture(chosen.seed, chosen.minutes * 60, folder, chosen.keep))
    if code == 0:
        shutil.rmtree(folder)
    else:
        print(f"logs: {folder}")
    return code


async def torture(seed: int, seconds: float, folder: Path, keep: Path | None) -> int:
    """Run the agents and the faults for `seconds`, then judge what happened."""
    services = Services(folder)
    recorder = Recorder()
    agents = [
        WorkingAgent(
            number, SESSIONS[number % len(SESSIONS)], _turned(services.ports, number), recorder, seed
        )
        for number in range(AGENTS)
    ]
    faults = Faults(services, recorder, seed)
    try:
        await services.start()
        working = [asyncio.create_task(agent.work()) for agent in agents]
        breaking = asyncio.create_task(faults.inject())
        done, _ = await asyncio.wait(
            [*working, breaking], timeout=seconds, return_when=asyncio.FIRST_EXCEPTION
        )
        breaking.cancel()
        for task in working:
            task.cancel()
        await asyncio.gather(*working, breaking, return_exceptions=True)
        broken = [task.exception() for task in done if not task.cancelled() and task.exception() is not None]
        if not breaking.done() or breaking.cancelled():
            await services.ready()
        history = await gather(services.dsn, recorder.history(), f"seed {seed}")
    finally:
        left = await asyncio.to_thread(services.stop)
    violations = judge(history)
    for finding in [*broken, *violations]:
        print(f"  {finding}")
    if left:
        print("  Postgres still runs after both services stopped")
    calls = sum(agent.calls for agent in agents)
    injected = ", ".join(f"{count} {name}" for name, count in sorted(faults.done.items())) or "none"
    bad = len(violations) + len(broken) + left
    print(
        f"seed {seed}: {calls} operations, {len(history.events)} events, faults: {injected}; {bad} violations"
    )
    if keep is not None or violations:
        kept = keep or Path(f"torture-seed-{seed}.jsonl")
        save(history, kept)
        print(f"history: {kept}")
    return 1 if bad else 0


def _turned(ports: list[int], number: int) -> list[int]:
    return ports if number % 2 == 0 else list(reversed(ports))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
