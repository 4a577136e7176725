"""An answer is one write, and what is written keeps its order to the end."""

import asyncio

from coordination.transport.one_write import UNSENT_MAX, CollectingTransport


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

    def abort(self) -> None:
        """Remember the end at once."""
        self.done.append("aborted")

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


async def test_lines_keep_their_place_among_what_is_written() -> None:
    below = Recording()
    transport = CollectingTransport(below, asyncio.get_running_loop())
    transport.write(b"head ")
    transport.writelines([b"one ", b"two "])
    transport.write(b"end")
    await asyncio.sleep(0)
    assert below.done == [b"head one two end"]


async def test_aborting_drops_what_was_not_sent() -> None:
    below = Recording()
    transport = CollectingTransport(below, asyncio.get_running_loop())
    transport.write(b"head")
    transport.abort()
    await asyncio.sleep(0)
    assert below.done == ["aborted"]


async def test_what_is_much_is_sent_before_the_turn_ends_so_that_flow_control_sees_it() -> None:
    below = Recording()
    transport = CollectingTransport(below, asyncio.get_running_loop())
    transport.write(b"head ")
    transport.write(b"a" * UNSENT_MAX)
    assert below.done == [b"head " + b"a" * UNSENT_MAX]
    transport.write(b"b" * UNSENT_MAX)
    assert len(below.done) == 1
    await asyncio.sleep(0)
    assert below.done[1:] == [b"b" * UNSENT_MAX]
