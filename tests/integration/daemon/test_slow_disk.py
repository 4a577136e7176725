"""Disks and repositories that do not answer: who works elsewhere is protected all the same."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from coordination.daemon import membership
from coordination.daemon.hook_socket import AT_ONCE
from tests.integration.daemon.developer import Developer, until


@dataclass
class Hang:
    """What holds up whoever calls it; `reached` counts them."""

    reached: list[object] = field(default_factory=list[object])
    go: threading.Event = field(default_factory=threading.Event)

    def before(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def held_up(*given: object) -> Any:
            self.reached.append(given)
            self.go.wait()
            return work(*given)

        return held_up


@pytest.fixture
def hang() -> Iterator[Hang]:
    one = Hang()
    yield one
    one.go.set()


@pytest.mark.parametrize("what", ["home_of", "settle"])
async def test_a_terminal_on_a_disk_that_hangs_holds_up_no_other(
    alice: Developer, hang: Hang, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    first, second = await alice.begun(), await alice.terminal()
    with monkeypatch.context() as patch:
        patch.setattr(membership, what, hang.before(getattr(membership, what)))
        waiting = asyncio.create_task(second.say("SessionStart", source="startup"))
        await until(lambda: hang.reached)
    assert await first.edit("a.py") == {}
    hang.go.set()
    await waiting


async def test_looks_that_nobody_waits_for_any_more_leave_threads_for_others(
    alice: Developer, hang: Hang
) -> None:
    first = await alice.begun()
    looks = [asyncio.create_task(asyncio.to_thread(hang.before(str), number)) for number in range(AT_ONCE)]
    await until(lambda: len(hang.reached) == AT_ONCE)
    assert await first.edit("a.py") == {}
    hang.go.set()
    await asyncio.gather(*looks)
