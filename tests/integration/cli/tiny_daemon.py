"""The least that a daemon is to the commands about it: `python tiny_daemon.py DATA_DIR PORT [stubborn]`.

It takes connections on its socket, answers `/health` on its port unless that is 0, and leaves a file when it has ended
cleanly. A stubborn one does not end when it is asked to.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

from coordination.cli import daemon_run
from coordination.daemon.folder import folder_in
from coordination.settings import load

CLEAN = "ended-cleanly"
HEALTH = {"status": "ok", "service": "reachable", "terminals": 3, "version": "1"}


async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + json.dumps(HEALTH).encode())
    await writer.drain()
    writer.close()


def main(data_dir: Path, port: int, *, stubborn: bool) -> None:
    folder = folder_in(data_dir)

    async def serve(stop: asyncio.Event) -> None:
        if port:
            await asyncio.start_server(answer, "127.0.0.1", port)
        logging.getLogger("tiny").warning("it serves")
        async with await asyncio.start_unix_server(take, folder.socket):
            await stop.wait()
            if stubborn:
                await asyncio.Event().wait()
        (data_dir / CLEAN).touch()

    daemon_run.run(load({"COORDINATION_DATA_DIR": str(data_dir)}), folder, port, serve)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), stubborn=sys.argv[3:] == ["stubborn"])
