"""The daemon's port: served, or done without where somebody else has it, and taken as soon as it is free."""

from __future__ import annotations

import asyncio
import os
import socket

import httpx
from starlette.responses import PlainTextResponse

from coordination.cli.daemon_port import taking
from coordination.daemon.tcp import Port
from tests.integration.daemon.interface import free

SERVED = PlainTextResponse("served")
TAKEN = "Port 8765 of 127.0.0.1 is taken by nginx, process 7."


async def test_a_port_that_somebody_else_has_is_told_and_taken_once_it_is_free() -> None:
    is_free = asyncio.Event()
    port = Port(lambda: free() if is_free.is_set() else TAKEN, again_seconds=0.01)
    assert port.line == "The daemon's port is being taken."
    serving = asyncio.create_task(port.serve(SERVED))
    await port.settled()
    assert (port.number, port.trouble) == (None, TAKEN)
    assert port.line.startswith(
        f"{TAKEN} Hooks protect files all the same; the tools of the plugin do not work."
    )
    assert "COORDINATION_DAEMON_PORT=8766 coord install" in port.line
    is_free.set()
    async with asyncio.timeout(10):
        await port.served()
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://127.0.0.1:{port.number}/")).text == "served"
    assert (port.trouble, port.line) == (
        "",
        f"Terminals and pages reach the daemon at http://127.0.0.1:{port.number}.",
    )
    serving.cancel()
    await asyncio.wait([serving])
    assert port.number is None


async def test_answers_do_not_wait_for_each_other() -> None:
    listener = free()
    port = Port(lambda: listener)
    serving = asyncio.create_task(port.serve(SERVED))
    await port.settled()
    assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    serving.cancel()
    await asyncio.wait([serving])


async def test_a_port_that_this_very_program_has_is_told_with_its_name() -> None:
    with free() as other:
        number: int = other.getsockname()[1]
        port = Port(taking(number), again_seconds=60)
        serving = asyncio.create_task(port.serve(SERVED))
        await port.settled()
        assert port.trouble.startswith(f"Port {number} of 127.0.0.1 is taken by ")
        assert f"process {os.getpid()}." in port.trouble
        serving.cancel()
        await asyncio.wait([serving])
    found = taking(0)()
    assert isinstance(found, socket.socket)
    found.close()
