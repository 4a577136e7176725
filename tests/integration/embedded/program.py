"""A service of one data folder, as tests start it: ``python program.py FOLDER WATCHDOG``.

It has the folder's Postgres run, prints one line of JSON (dsn, pid, version), keeps Postgres alive until its
standard input ends, and then stops it.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Literal, cast

from coordination.embedded import EmbeddedPostgres


async def serve(postgres: EmbeddedPostgres) -> None:
    keeper = asyncio.create_task(postgres.keep_alive(interval=0.05))
    await asyncio.to_thread(sys.stdin.read)
    postgres.stop()
    await keeper


def main() -> None:
    watchdog = cast(Literal["auto", "signal", "pipe"], sys.argv[2])
    postgres = EmbeddedPostgres(Path(sys.argv[1]), watchdog=watchdog)
    dsn = postgres.start()
    print(json.dumps({"dsn": dsn, "pid": postgres.pid, "version": postgres.version}), flush=True)
    asyncio.run(serve(postgres))


if __name__ == "__main__":
    main()
