"""Requests are read as hooks write them, and what is none is refused without a word of it in the message."""

import pytest

from coordination.daemon.frames import REPLY_MAX, REQUEST_MAX, BadFrame, length_of, read_request, reply
from coordination.daemon.hook_call import parse


def test_facts_and_input_come_apart() -> None:
    facts, given = read_request(b'hook/1\0event=Stop\0ppid=7\0COORD_AGENT=\0\0{"a":"\0"}')
    assert facts == {"event": "Stop", "ppid": "7", "COORD_AGENT": ""}
    assert given == b'{"a":"\0"}'


def test_a_fact_may_hold_equals_signs_and_bytes_that_are_no_text() -> None:
    facts, given = read_request(b"hook/1\0CLAUDE_PROJECT_DIR=/a=b/\xff\0\0")
    assert facts == {"CLAUDE_PROJECT_DIR": "/a=b/\udcff"}
    assert given == b""


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"hook/2\0\0",
        b"hook/1",
        b"hook/1\0",
        b"hook/1\0event=Stop\0",
        b"hook/1\0event\0\0",
        b"GET / HTTP/1.1",
    ],
)
def test_what_is_no_request_is_refused(request_: bytes) -> None:
    with pytest.raises(BadFrame) as refused:
        read_request(request_)
    assert "GET" not in str(refused.value)


def test_a_request_that_is_too_long_is_refused_before_it_is_read() -> None:
    assert length_of(REQUEST_MAX.to_bytes(4, "big")) == REQUEST_MAX
    with pytest.raises(BadFrame, match="8388609 bytes"):
        length_of((REQUEST_MAX + 1).to_bytes(4, "big"))


def test_a_reply_has_its_length_before_it() -> None:
    assert reply(b"{}") == b"\0\0\0\x02{}"
    with pytest.raises(BadFrame):
        reply(b" " * (REPLY_MAX + 1))


def test_a_call_has_its_event_and_body() -> None:
    call = parse(b'hook/1\0event=Stop\0\0{"session_id":"x"}', 12)
    assert (call.event, call.peer_pid, call.body, call.unparsed) == ("Stop", 12, {"session_id": "x"}, False)


@pytest.mark.parametrize("given", [b"", b"{", b"[]", b"1", b"\xff", b'"text"', b"\xff{}"])
def test_input_that_is_no_object_makes_an_empty_body_that_says_so(given: bytes) -> None:
    call = parse(b"hook/1\0event=Stop\0\0" + given, 12)
    assert call.body == {}
    assert call.unparsed


def test_input_with_half_a_character_is_read_as_claude_code_writes_it() -> None:
    call = parse(b'hook/1\0event=PreToolUse\0\0{"tool_name":"Write","content":"cut \\ud83d"}', 12)
    assert call.body == {"tool_name": "Write", "content": "cut \ud83d"}
    assert not call.unparsed


def test_input_that_is_nested_too_deep_is_not_taken_for_nothing() -> None:
    assert parse(b"hook/1\0event=PreToolUse\0\0" + b'{"a":' * 200_000 + b"1" + b"}" * 200_000, 12).unparsed


def test_a_request_without_an_event_is_refused() -> None:
    with pytest.raises(BadFrame, match="without an event"):
        parse(b"hook/1\0event=\0\0{}", 1)
