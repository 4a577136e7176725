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


@pytest.mark.parametrize(
    ("given", "content"),
    [
        (rb'"half \ud83d"', "half \ufffd"),
        (rb'"\udc4d half"', "\ufffd half"),
        (rb'"whole \ud83d\udc4d"', "whole \U0001f44d"),
        (b'"\xff"', "\ufffd"),
    ],
)
def test_half_a_character_does_not_hide_what_an_edit_is_about(given: bytes, content: str) -> None:
    about = b'{"tool_name":"Write","tool_input":{"file_path":"/a.py","content":%b}}' % given
    call = parse(b"hook/1\0event=PreToolUse\0\0" + about, 1)
    assert call.body["tool_input"] == {"file_path": "/a.py", "content": content}


@pytest.mark.parametrize("given", [b"", b"{", b"[]", b"{}", b'{"tool_name":[]}', b"[" * 10_000])
def test_a_hook_before_a_tool_that_does_not_say_which_gets_no_answer(given: bytes) -> None:
    """It may be an edit."""
    with pytest.raises(BadFrame, match="does not say which"):
        parse(b"hook/1\0event=PreToolUse\0\0" + given, 1)


def test_a_request_without_an_event_is_refused() -> None:
    with pytest.raises(BadFrame, match="without an event"):
        parse(b"hook/1\0event=\0\0{}", 1)
