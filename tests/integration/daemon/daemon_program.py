"""A daemon as a process of its own, for tests that kill it: its folder and the service's URL are its arguments."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from coordination.daemon.connection import Found
from coordination.daemon.daemon import Daemon
from coordination.daemon.folder import Folder


async def main(folder: str, url: str, policy: str) -> None:
    daemon = Daemon(
        Folder(Path(folder)),
        find=lambda: Found(url, None, None, "alice"),
        start=None,
        chosen=lambda folder: None,
        policy=Path(policy),
        listen=lambda: "no port here",
        environment=dict(os.environ),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await daemon.serve(stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
