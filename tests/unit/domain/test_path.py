"""Paths: one key for every spelling, overlap decided by keys, and ranges that find exactly what lies below."""

import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from coordination.domain.errors import InvalidInput
from coordination.domain.file_lock import Claim, Operation
from coordination.domain.path import (
    MAX_DEPTH,
    MAX_PATH_BYTES,
    LockPath,
    fold,
    normalise,
    normalise_all,
    overlaps,
)

ROOT = "/home/alice/project"
PARTS = st.sampled_from(
    ["a", "b", "A", "ab", "a.", "a-", "a0", ".a", "0", "é", "E\u0301", "ß", "SS", "resource:", "~", "!"]
)
ODD_PARTS = PARTS | st.sampled_from([".", "..", "", "**", "resource;", "Resource:x", "\u212a", "\U0001f600"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
RESOURCES = st.lists(PARTS, min_size=1, max_size=3).map(lambda parts: "resource:" + "/".join(parts))
ANYTHING = (
    st.lists(ODD_PARTS, max_size=6).map("/".join)
    | RESOURCES
    | PATHS
    | st.text(max_size=40)
    | st.sampled_from([".", "./"])
)


def accepted(raw: str, *, literal: bool = False) -> LockPath:
    """Normalise, or skip the example when it is refused."""
    try:
        return normalise(raw, literal=literal)
    except InvalidInput:
        assume(False)
        raise


@given(ANYTHING)
@example("a/" * (MAX_DEPTH - 1) + "a")
@example("a/" * MAX_DEPTH + "a")
@example("A" * MAX_PATH_BYTES)
@example("A" * (MAX_PATH_BYTES + 1))
@example("a\n")
def test_a_path_that_is_plain_already_is_read_like_the_same_one_spelt_with_a_detour(raw: str) -> None:
    assume(raw and not raw.startswith("/") and not raw.casefold().startswith("resource:"))

    def read(spelling: str) -> LockPath | None:
        try:
            return normalise(spelling)
        except InvalidInput:
            return None

    assert read(raw) == read(f"./{raw}")


@given(ANYTHING)
@example("./resource:/a")
@example("Resource://A")
@example("a /**")
@example("\u0345\u03b1")
@example("\u1fb3/\u0390")
def test_normalising_again_changes_nothing(raw: str) -> None:
    once = accepted(raw, literal=True)
    again = normalise(once.path, literal=True)
    assert again == once
    assert fold(once.key) == once.key


@given(ANYTHING)
def test_keys_hold_no_second_spelling(raw: str) -> None:
    path = accepted(raw, literal=True)
    parts = path.key.removeprefix("resource:").split("/") if path.key else []
    assert not {"", ".", ".."} & set(parts)
    assert unicodedata.is_normalized("NFC", path.key)
    assert max(len(path.key.encode()), len(path.path.encode())) <= MAX_PATH_BYTES


@given(PATHS)
def test_every_spelling_has_one_key(raw: str) -> None:
    path = accepted(raw)
    parts = path.path.split("/")
    spellings = [
        "./" + path.path,
        path.path + "/",
        path.path + "/**",
        "//".join(parts),
        "/./".join(parts),
        "x/../" + path.path,
        path.path + "/y/..",
        unicodedata.normalize("NFD", path.path),
        path.path.upper(),
        path.path.casefold(),
    ]
    if not path.is_resource:
        assert normalise(f"{ROOT}/{path.path}", root=ROOT).key == path.key
        assert {normalise(spelling).key for spelling in spellings} == {path.key}


@given(ANYTHING, ANYTHING)
@example(".", "resource;")
@example(".", "resource:a")
@example("a", "a0")
@example("a", "a.b")
def test_overlap_is_symmetric_and_what_ancestors_and_ranges_say(first: str, second: str) -> None:
    one, two = accepted(first, literal=True), accepted(second, literal=True)
    expected = covers(one, two) or covers(two, one)
    assert overlaps(one.key, two.key) == overlaps(two.key, one.key) == expected
    assert found(one, two) == found(two, one) == expected


def covers(above: LockPath, below: LockPath) -> bool:
    """Whether one path is the other or a folder above it, read off the parts."""
    if above.is_resource is not below.is_resource:
        return False
    parts, inner = (path.key.split("/") if path.key else list[str]() for path in (above, below))
    return inner[: len(parts)] == parts


def found(claimed: LockPath, held: LockPath) -> bool:
    """Whether the store's two probes for a claim find a held key: equality with key or ancestors, and byte ranges."""
    if held.key in {claimed.key, *claimed.ancestors}:
        return True
    key = held.key.encode()
    return any(low.encode() < key < high.encode() for low, high in claimed.ranges)


@given(st.lists(ANYTHING, min_size=1, max_size=6), ANYTHING)
def test_a_claim_of_several_paths_finds_each_overlapping_lease_once(raw: list[str], held: str) -> None:
    paths = {path.key: path for path in (accepted(text, literal=True) for text in raw)}
    lease = accepted(held, literal=True)
    claim = Claim(tuple(paths[key] for key in sorted(paths)), Operation.WRITE, 900)
    lows, highs = claim.ranges
    by_range = sum(
        low.encode() < lease.key.encode() < high.encode() for low, high in zip(lows, highs, strict=True)
    )
    assert by_range <= 1
    expected = any(overlaps(key, lease.key) for key in claim.keys)
    assert (lease.key in claim.probe or by_range == 1) == expected


@pytest.mark.parametrize(
    ("raw", "path", "key"),
    [
        ("src/App.py", "src/App.py", "src/app.py"),
        (".", ".", ""),
        ("./", ".", ""),
        ("**", ".", ""),
        ("./**", ".", ""),
        ("a/..", ".", ""),
        ("dir/**/", "dir", "dir"),
        ("app/[id]/page.tsx", "app/[id]/page.tsx", "app/[id]/page.tsx"),
        ("!x.py", "!x.py", "!x.py"),
        ("#x.py", "#x.py", "#x.py"),
        ("a b.py", "a b.py", "a b.py"),
        ("STRASSE", "STRASSE", "strasse"),
        ("straße", "straße", "strasse"),
        ("e\u0301.py", "é.py", "é.py"),
        ("\u212aelvin", "Kelvin", "kelvin"),
        ("ma\u200cn/\U0001f468\u200d\U0001f469.txt", "ma\u200cn/\U0001f468\u200d\U0001f469.txt", None),
        ("resource:port/5432", "resource:port/5432", "resource:port/5432"),
        ("RESOURCE:Port//5432/", "resource:Port/5432", "resource:port/5432"),
        ("./resource:x", "resource:x", "resource:x"),
        ("resource:test-run", "resource:test-run", "resource:test-run"),
    ],
)
def test_paths_are_read(raw: str, path: str, key: str | None) -> None:
    assert normalise(raw) == LockPath(path, path if key is None else key)


def test_marks_that_nobody_sees_are_part_of_names_that_were_seen_and_of_emoji() -> None:
    assert normalise("a\ufe01.py", literal=True).key == "a\ufe01.py"
    assert normalise("\u2699\ufe0f.md").key == "\u2699\ufe0f.md"
    with pytest.raises(InvalidInput, match="control"):
        normalise("a\u202e.py", literal=True)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "empty"),
        ("a\x00b", r"\u0000"),
        ("a\nb", r"\u000a"),
        ("a\x1b[31m", r"\u001b"),
        ("a\u202eb", r"\u202e"),
        ("a\u200bb", r"\u200b"),
        ("\ufeffa", r"\ufeff"),
        ("a\u2028b", r"\u2028"),
        ("\U000e0041", "invisible"),
        ("a\ud800", r"\ud800"),
        ("\U0010ffff", "invisible"),
        ("\uffff", "invisible"),
        ("src/app.py\ufe0f", r"\ufe0f"),
        ("resource:port\U000e0101", r"\ue0101"),
        ("a\u3164", "invisible"),
        (" a", "space"),
        ("a ", "space"),
        ("a\u3000", "space"),
        ("..", "leaves the repository"),
        ("a/../../b", "leaves the repository"),
        ("resource:a/../..", "leaves the repository"),
        ("resource:", "names no resource"),
        ("resource:a/..", "names no resource"),
        ("Resource:/", "names no resource"),
        ("/etc/passwd", "relative to the repository's top level"),
        ("a/*.py", "pattern"),
        ("a?", "pattern"),
        ("**/a", "pattern"),
        ("resource:*", "pattern"),
        ("é" * 513, "1024 bytes"),
        ("ŉ" * 500, "1024 bytes"),
        ("ẞ" * 342, "1024 bytes"),
    ],
)
def test_what_no_path_is_is_refused_with_field_and_advice(raw: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        normalise(raw, field="affected_files")
    assert refused.value.message.startswith("affected_files: ")
    assert words in refused.value.message
    assert refused.value.message.isprintable()


def test_callers_that_saw_the_files_may_use_wildcards_as_letters() -> None:
    assert normalise("a/*.py", literal=True).key == "a/*.py"
    assert normalise("what?", literal=True).key == "what?"


def test_absolute_paths_below_the_top_level_are_made_relative() -> None:
    assert normalise(f"{ROOT}/src/a.py", root=ROOT).path == "src/a.py"
    assert normalise(f"{ROOT}/src/a.py", root=ROOT + "/").path == "src/a.py"
    assert normalise(ROOT, root=ROOT).path == "."
    for elsewhere in (ROOT + "2/a.py", "/home/alice", f"{ROOT}/../a.py"):
        with pytest.raises(InvalidInput, match=r"below /home/alice/project|leaves the repository"):
            normalise(elsewhere, root=ROOT)


@pytest.mark.parametrize(
    ("raw", "root"),
    [
        ("/home//alice/project//src/a.py", ROOT),
        ("/src/a.py", "/"),
        ("/srv/cafe\u0301/src/a.py", "/srv/caf\u00e9"),
        ("C:/app/src/a.py", "C:/app"),
        ("c:\\App\\src\\a.py", "C:/app"),
        ("src\\a.py", "C:/app"),
    ],
)
def test_spellings_of_an_absolute_path_lead_to_the_same_file(raw: str, root: str) -> None:
    assert normalise(raw, root=root).key == "src/a.py"


@pytest.mark.parametrize("root", ["", ROOT, "D:/app"])
def test_a_path_on_another_drive_is_absolute(root: str) -> None:
    with pytest.raises(InvalidInput, match="is absolute"):
        normalise("C:/app/a.py", root=root)


@pytest.mark.parametrize("raw", ["/Home/Alice/project/x", "/home/alice/PROJECT/x", "/HOME/ALICE/PROJECT"])
def test_without_a_drive_the_case_of_a_top_level_counts(raw: str) -> None:
    with pytest.raises(InvalidInput, match="is absolute"):
        normalise(raw, root=ROOT)


def test_without_a_drive_a_backslash_is_a_letter() -> None:
    assert normalise("src\\a.py", root=ROOT).key == "src\\a.py"


def test_spellings_of_one_file_are_one_and_the_first_is_shown() -> None:
    assert [path.path for path in normalise_all(["A.py", "./a.py", "b", "a.PY", "B/"])] == ["A.py", "b"]


@pytest.mark.parametrize("given_paths", [["a"] * 501, (f"{number}" for number in range(501))])
def test_more_than_five_hundred_paths_are_refused(given_paths: Iterable[str]) -> None:
    with pytest.raises(InvalidInput, match="501 paths, at most 500"):
        normalise_all(given_paths)


def test_five_hundred_paths_and_a_thousand_bytes_are_taken() -> None:
    assert len(normalise_all(f"{number}" for number in range(500))) == 500
    assert normalise("x" * MAX_PATH_BYTES).key == "x" * MAX_PATH_BYTES


def test_a_path_may_be_so_deep_and_no_deeper() -> None:
    """Everything above a path is looked up with it: 500 paths of 500 folders each were a hundred megabytes."""
    deepest = "/".join(["a"] * MAX_DEPTH)
    assert normalise(deepest).key == deepest
    with pytest.raises(InvalidInput, match=f"deeper than {MAX_DEPTH}"):
        normalise(f"{deepest}/a")
    with pytest.raises(InvalidInput, match="deeper"):
        normalise(f"resource:{deepest}/a")
