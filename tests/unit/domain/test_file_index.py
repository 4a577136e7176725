"""Paths of files, digests of what is known of them, and the fingerprint of a whole index."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination.domain.errors import InvalidInput
from coordination.domain.file_index import (
    MAX_PARTNERS,
    CoChange,
    FileIndex,
    IndexedFile,
    KnownFile,
    entries,
    file_path,
    fingerprint,
    in_lines,
)
from coordination.domain.path import normalise

FILE = IndexedFile("src/app.py", ("run", "Item"), ("src/b.py",))


def test_of_some_files_there_is_what_the_index_knows_of_them_or_their_path_alone() -> None:
    index = FileIndex(
        (FILE, IndexedFile("b.py", ("x",))),
        (CoChange("src/app.py", "b.py", 0.5), CoChange("b.py", "c.py", 1.0)),
    )
    some = in_lines(index).of([normalise("new.py"), normalise("SRC/App.py")])
    assert some.whole() == FileIndex((IndexedFile("new.py"), FILE), (CoChange("src/app.py", "b.py", 0.5),))
    assert in_lines(index).of([]).whole() == FileIndex(())


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("src/app.py", "src/app.py"),
        ("./src//app.py", "src/app.py"),
        ("a/../b.py", "b.py"),
        ("e\u0301.py", "\u00e9.py"),
        ("what?*.py", "what?*.py"),
        ("...", "..."),
        (".x/..y/z..", ".x/..y/z.."),
        ("a/b/c/d/e/f/g.py", "a/b/c/d/e/f/g.py"),
    ],
)
def test_a_path_is_spelt_in_one_way(raw: str, path: str) -> None:
    assert file_path(raw) == path


@pytest.mark.parametrize(
    "raw",
    [
        *(
            "",
            ".",
            "/",
            "..",
            "../a.py",
            "a/../..",
            "/etc/passwd",
            "C:/a.py",
            "resource:port",
            "RESOURCE:x/y",
        ),
        *(" a", "a\n", "a\0", "\u202ea", "**", "x" * 1025, "a/" * 64 + "a"),
    ],
)
def test_what_names_no_file_is_refused_with_the_field(raw: str) -> None:
    with pytest.raises(InvalidInput, match=r"^files\.0: "):
        file_path(raw, field="files.0")


@given(st.text("ab.+@_-/ é*", max_size=12))
def test_plain_names_are_no_exception(raw: str) -> None:
    try:
        expected = normalise(raw, literal=True)
    except InvalidInput:
        with pytest.raises(InvalidInput):
            file_path(raw)
    else:
        if expected.key:
            assert file_path(raw) == expected.path


def test_entries_are_sorted_and_have_their_closest_partners() -> None:
    others = tuple(CoChange("b.py", f"{number}.py", 1 - number / 100) for number in range(MAX_PARTNERS + 3))
    found = entries(FileIndex((IndexedFile("b.py"), IndexedFile("a.py")), others))
    assert [entry.file.path for entry in found] == ["a.py", "b.py"]
    assert [entry.partners for entry in found] == [(), others[:MAX_PARTNERS]]


@pytest.mark.parametrize(
    "change",
    [{"symbols": ("run",)}, {"symbols": ("Item", "run")}, {"symbols": ("run", "Item", "x")}, {"imports": ()}],
)
def test_a_digest_changes_with_what_is_known(change: dict[str, tuple[str, ...]]) -> None:
    (before,) = entries(FileIndex((FILE,)))
    (after,) = entries(FileIndex((dataclasses.replace(FILE, **change),)))
    assert before.digest != after.digest
    assert re.fullmatch("[0-9a-f]{32}", before.digest)


def test_a_digest_changes_with_the_partners_too() -> None:
    digests = {
        entries(FileIndex((FILE,), partners))[0].digest
        for partners in ((), (CoChange(FILE.path, "b.py", 0.5),), (CoChange(FILE.path, "b.py", 0.6),))
    }
    assert len(digests) == 3


def test_a_fingerprint_tells_indexes_apart() -> None:
    known = [KnownFile("a.py", "1"), KnownFile("b.py", "2")]
    different = [[], known[:1], known[::-1], [KnownFile("a.py", "2"), known[1]], [KnownFile("a.py\n1", "b")]]
    assert len({fingerprint(files) for files in [known, *different]}) == 6
    assert fingerprint(known) == fingerprint(iter(known))
