"""Text cut to cells, tables that fit, and how lines are shared."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from coordination.cli.columns import Column, fitted, shares, table
from coordination.domain.text import clean
from tests.conftest import examples


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("src/app.py", 10, "src/app.py"),
        ("src/app.py", 9, "src/app.…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("🎉🎉", 3, "🎉…"),
        ("e\u0301a", 2, "e\u0301a"),
        ("a", 1, "a"),
        ("ab", 1, "…"),
        ("ab", 0, ""),
    ],
)
def test_text_is_cut_to_cells_and_says_so(text: str, width: int, shown: str) -> None:
    assert fitted(text, width) == shown


def test_of_a_path_the_end_stays() -> None:
    assert fitted("src/日本/app.py", 9, keeps_end=True) == "…/app.py"
    assert fitted("src/日本/app.py", 11, keeps_end=True) == "…本/app.py"


def test_marks_on_whose_cells_terminals_disagree_are_left_out() -> None:
    assert fitted("❤\ufe0f a", 10) == "❤ a"


def test_columns_are_aligned_by_cells() -> None:
    rows = [["日本", "x"], ["a", "yy"]]
    lines = [line.plain for line in table([Column(), Column(to_the_right=True)], rows, 40)]
    assert lines == ["日本   x", "a     yy"]


def test_the_longest_column_gives_first_and_an_empty_one_takes_nothing() -> None:
    lines = table([Column(), Column(), Column()], [["a" * 30, "", "bbb"]], 20)
    assert lines[0].plain == "a" * 14 + "…  bbb"


def test_a_column_for_wide_terminals_is_left_out_of_narrow_ones() -> None:
    columns = [Column(), Column(from_width=50)]
    assert table(columns, [["a", "b"]], 49)[0].plain == "a"
    assert table(columns, [["a", "b"]], 50)[0].plain == "a  b"


def test_a_text_of_its_own_style_keeps_it() -> None:
    (line,) = table([Column(style="dim")], [[Text("a", style="red")]], 10)
    assert [str(span.style) for span in line.spans] == ["red"]


@settings(max_examples=examples(60))
@given(
    rows=st.lists(st.tuples(st.text(max_size=60), st.text(max_size=30), st.text(max_size=5)), max_size=4),
    width=st.integers(1, 130),
)
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = [Column(at_least=12, keeps_end=True), Column(), Column(at_least=4, to_the_right=True)]
    cleaned = [[clean(text, 50) for text in row] for row in rows]
    assert [line for line in table(columns, cleaned, width) if cell_len(line.plain) > width] == []


@pytest.mark.parametrize(
    ("needs", "room", "given"),
    [
        ([], 5, []),
        ([2, 3], 10, [2, 3]),
        ([20, 2, 500], 10, [4, 2, 4]),
        ([20, 2, 500], 11, [5, 2, 4]),
        ([3, 3, 3], 2, [1, 1, 0]),
        ([3], 0, [0]),
        ([3], -4, [0]),
    ],
)
def test_who_needs_little_gets_it_and_the_others_get_the_same(
    needs: list[int], room: int, given: list[int]
) -> None:
    assert shares(needs, room) == given


def test_each_keeps_what_it_must_although_there_is_no_room() -> None:
    assert shares([20, 20], 9, [8, 2]) == [8, 2]
    assert shares([20, 20], 16, [12, 0]) == [12, 4]
