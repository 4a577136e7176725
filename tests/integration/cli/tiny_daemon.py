"""The least that a daemon is to the commands about it: `python tiny_daemon.py DATA_DIR PORT [stubborn]`.

It takes connections on its socket, says how it is there unless its port is 0, and leaves a file when it has ended
cleanly. A stubborn one does not end when it is asked to.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import suppress
from pathlib import Path

from coordination.cli import daemon_run
from coordination.daemon import frames
from coordination.daemon.folder import folder_in
from coordination.settings import load

CLEAN = "ended-cleanly"
SAID = {
    "service": "reachable",
    "terminals": 3,
    "agents": None,
    "port_trouble": "Port 8765 is in use by nginx (process 7).",
    "unprotected": [{"terminal": "4711-1.00", "folder": "/home/alice/menu"}],
    "unheard": [{"terminal": "4712-1.00", "folder": "/home/alice/other"}],
}


async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError):
        head = await reader.readexactly(frames.LENGTH)
        facts, _ = frames.read_request(await reader.readexactly(frames.length_of(head)))
        if facts == {"event": "status"}:
            writer.write(frames.reply(json.dumps(SAID).encode()))
            await reader.readexactly(1)
    writer.close()


def main(data_dir: Path, port: int, *, stubborn: bool) -> None:
    folder = folder_in(data_dir)

    async def serve(stop: asyncio.Event) -> None:
        logging.getLogger("tiny").warning("it serves")
        async with await asyncio.start_unix_server(answer if port else take, folder.socket):
            await stop.wait()
            if stubborn:
                await asyncio.Event().wait()
        (data_dir / CLEAN).touch()

    daemon_run.run(load({"COORDINATION_DATA_DIR": str(data_dir)}), folder, port, serve)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), stubborn=sys.argv[3:] == ["stubborn"])
