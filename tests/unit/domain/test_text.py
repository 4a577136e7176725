"""Text from others: cleaned once, on the way in; shown short and escaped in messages."""

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coordination.domain.text import call, call_on, clean, shown

UNSEEN = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and a symbol that nobody sees."""
UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(), st.integers(1, 300))
@example("a\x1b[\x1b[31m31mb", 20)
@example("e \u0301", 1)
def test_cleaned_text_is_one_short_line_without_what_cannot_be_seen(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert not UNSAFE & {unicodedata.category(character) for character in cleaned}
    assert cleaned == cleaned.strip()


@given(st.text(max_size=100))
@example("\u0344")
@example("a \u200b b")
def test_cleaning_again_changes_nothing(text: str) -> None:
    cleaned = clean(text, 1000)
    assert clean(cleaned, 1000) == cleaned


@given(
    st.text(
        alphabet=st.characters(categories=["L", "N", "P", "S"], exclude_characters=UNSEEN),
        min_size=1,
        max_size=50,
    )
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text, 100) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  two\n\tlines \r\n", "two lines"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x07text", "text"),
        ("abc\u202edef\u2066g", "abcdefg"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("nul\x00bell\x07", "nulbell"),
        ("private\ue000", "private"),
        ("lone\ud800", "lone"),
        ("cafe\u0301", "café"),
        ("\x1b", ""),
        ("\u2800 \u3164\uffa0", ""),
        ("a\u034fb\u115f\u1160c\u17b4\u17b5d\u180b\u180fe", "abcde"),
        ("spoken" + "".join(chr(0xE0100 + byte) for byte in b"unheard"), "spoken"),
        ("l\ufe0fe\ufe00tters1\ufe0f", "letters1"),
        ("\u2764\ufe0f\ufe0f\ufe0f", "\u2764\ufe0f"),
        ("\u2764\u200b\ufe0f\u200b\ufe0f", "\u2764\ufe0f"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
    ],
)
def test_what_is_cleaned_away(text: str, cleaned: str) -> None:
    assert clean(text, 100) == cleaned


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * 201, 200) == "x" * 199 + "…"
    assert clean("x" * 200, 200) == "x" * 200


def test_a_call_is_printed_with_its_arguments_as_json() -> None:
    said = call("claim_file_lock", file_paths=['a"b.py'], wait_seconds=45)
    assert said == 'claim_file_lock(file_paths=["a\\"b.py"], wait_seconds=45)'


@pytest.mark.parametrize(("length", "count"), [(30, 10), (100, 3), (1000, 1)])
def test_a_next_call_names_as_much_as_it_has_room_for_and_one_thing_at_least(length: int, count: int) -> None:
    said = call_on("claim_file_lock", "file_paths", ["x" * length] * 60, action="renew")
    assert said == f'claim_file_lock(action="renew", file_paths={json.dumps(["x" * length] * count)})'


@given(st.text())
def test_text_in_a_message_is_short_and_printable(text: str) -> None:
    assert len(shown(text)) <= 80
    assert shown(text).isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("src/app.py", "src/app.py"),
        ("a\x00b", r"a\u0000b"),
        ("a\u202eb", r"a\u202eb"),
        ("line\u2028two\u00a0three", r"line\u2028two\u00a0three"),
        ("a\ufe00\U000e0100b", r"a\ufe00\ue0100b"),
        ("\u2699\ufe0f", "\u2699\ufe0f"),
        ("x" * 81, "x" * 79 + "…"),
        ("x" * 80, "x" * 80),
    ],
)
def test_text_is_shown_escaped(text: str, expected: str) -> None:
    assert shown(text) == expected
