"""Cursors over several sessions: what is written is read back, and nothing else is a cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination.domain.cursor import SEQ_MAX, parse, written
from coordination.domain.errors import InvalidInput

# A session's id, as any row may hold it; a database keeps no NUL and no lone surrogate.
SESSIONS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
CURSORS = st.dictionaries(SESSIONS, st.integers(0, SEQ_MAX), min_size=1, max_size=5)


@given(CURSORS)
def test_a_cursor_is_read_back_as_it_was_written_and_fits_in_a_header(cursor: dict[str, int]) -> None:
    text = written(cursor)
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text
    assert parse(text, list(cursor)) == cursor


def test_a_cursor_reads_as_people_would_write_it() -> None:
    assert written({"demo": 12, "alice@home": 7}) == "demo:12,alice@home:7"
    assert written({"demo": 12, "a,b:c": 7}, "a,b:c") == "a%2Cb%3Ac:7,demo:12"


def test_a_number_alone_counts_for_each_session() -> None:
    assert parse("0", ["demo", "other"]) == {"demo": 0, "other": 0}


def test_a_session_that_is_not_named_is_not_in_it() -> None:
    assert parse("other:7", ["demo", "other"]) == {"other": 7}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-1",
        "demo",
        "demo:",
        ":1",
        "demo:x",
        "demo:-1",
        "demo:1,",
        ",demo:1",
        "demo:1 ",
        " 1",
        "demo:1;other:2",
        "demo:99999999999999999999",
        str(SEQ_MAX + 1),
        f"demo:{SEQ_MAX + 1}",
        "%ff:1",
        "demo:1,demo:2",
        "third:1",
        "\u0661",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"must be a number|must name each"):
        parse(text, ["demo", "other"])
