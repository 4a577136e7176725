"""Blocks of a stream, however the bytes are cut."""

from __future__ import annotations

import pytest

from coordination.client.server_sent_events import Block, blocks

STREAM = (
    b"id: demo:2\nretry: 2000\n\n"
    b'event: lock.claimed\ndata: {"a":1,\ndata:  "b":2}\nid: demo:3\n\n'
    b": heartbeat\n\n"
    b"\n\n"
    b": end: the service stops\nretry: 2000\n\n"
)
READ = [
    Block(id="demo:2"),
    Block(name="lock.claimed", data='{"a":1,\n "b":2}', id="demo:3"),
    Block(comments=["heartbeat"]),
    Block(comments=["end: the service stops"]),
]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_blocks_are_the_same_however_the_bytes_are_cut_and_whatever_ends_a_line(
    end: bytes, size: int
) -> None:
    stream = STREAM.replace(b"\n", end)
    chunks = [stream[begin : begin + size] for begin in range(0, len(stream), size)]
    assert list(blocks([b"", *chunks, b""])) == READ


def test_only_the_ends_of_the_format_part_lines() -> None:
    text = "a\u2028b\u0085c\x0bd"
    assert [block.data for block in blocks([f"data: {text}\n\n".encode()])] == [text]


def test_a_block_that_the_end_cuts_off_counts_for_nothing() -> None:
    assert list(blocks([b": heartbeat\n\ndata: 1\nid: x\n"])) == [Block(comments=["heartbeat"])]


def test_a_letter_that_chunks_part_stays_whole() -> None:
    whole = "data: é→\n\n".encode()
    assert [block.data for block in blocks([whole[:7], whole[7:9], whole[9:]])] == ["é→"]
