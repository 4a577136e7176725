"""An answer is one write, and what is written keeps its order to the end."""

import asyncio

from coordination.transport.one_write import CollectingTransport


class Recording(asyncio.Transport):
    """A transport that remembers what it was told to do."""

    def __init__(self) -> None:
        super().__init__(extra={"peername": ("127.0.0.1", 1)})
        self.done: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Remember a write."""
        self.done.append(bytes(data))

    def close(self) -> None:
        """Remember the end."""
        self.done.append("closed")

    def is_closing(self) -> bool:
        """Whether it ended."""
        return "closed" in self.done


async def test_what_is_written_in_one_turn_is_sent_at_its_end_by_one_write() -> None:
    below = Recording()
    transport = CollectingTransport(below, asyncio.get_running_loop())
    transport.write(b"head ")
    transport.write(b"body")
    assert below.done == []
    await asyncio.sleep(0)
    assert below.done == [b"head body"]
    transport.write(b"next")
    await asyncio.sleep(0)
    assert below.done == [b"head body", b"next"]


async def test_closing_sends_what_was_written_and_nothing_comes_after_it() -> None:
    below = Recording()
    transport = CollectingTransport(below, asyncio.get_running_loop())
    transport.write(b"head ")
    transport.write(b"body")
    transport.close()
    transport.write(b"too late")
    await asyncio.sleep(0)
    assert below.done == [b"head body", "closed"]


async def test_in_all_else_it_is_the_transport_below() -> None:
    transport = CollectingTransport(Recording(), asyncio.get_running_loop())
    assert transport.get_extra_info("peername") == ("127.0.0.1", 1)
