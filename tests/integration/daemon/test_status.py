"""What the daemon tells of itself, to a page and to `coord daemon status`."""

from __future__ import annotations

import asyncio
import os

import pytest

from coordination.cli import daemon_background
from coordination.daemon.connection import LinkState
from coordination.daemon.folder import RunningDaemon
from tests.integration.daemon.developer import Developer


async def test_it_says_what_it_knows(alice: Developer) -> None:
    first = await alice.begun()
    await first.say("UserPromptSubmit", prompt="go")
    await first.edited("a.py", "a = 2\n")
    daemon = alice.daemon
    status = await daemon._status.read({})
    assert status == {
        "service": {"state": LinkState.REACHABLE, "url": alice.gate.url, "why": ""},
        "terminals": [
            {
                "terminal": str(alice.known(first).key),
                "folder": str(alice.tree.top),
                "working": True,
                "protected": True,
                "agents": [
                    {
                        "agent": "alice/impl_a",
                        "session": alice.session,
                        "editing": ["a.py"],
                        "to_be_told": 0,
                    }
                ],
            }
        ],
    }
    said = await asyncio.to_thread(daemon_background.told, running_of(alice))
    assert said == {
        "service": "reachable",
        "terminals": 1,
        "agents": 1,
        "port_trouble": "no port here",
        "unprotected": [],
        "unheard": [],
    }


async def test_who_asks_while_the_port_is_being_taken_is_told_how_that_ended(
    alice: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = alice.daemon._port

    async def settled() -> None:
        port.trouble = "taken meanwhile"

    monkeypatch.setattr(port, "trouble", "")
    monkeypatch.setattr(port, "settled", settled)
    said = await asyncio.to_thread(daemon_background.told, running_of(alice))
    assert said is not None
    assert said["port_trouble"] == "taken meanwhile"


def running_of(alice: Developer) -> RunningDaemon:
    """What the record of the daemon would say."""
    return RunningDaemon(os.getpid(), "1.00", 8765, str(alice.folder.socket), "1")
