"""What a claim asks the store for: keys in order, a probe of all that covers them, ranges that do not overlap."""

from coordination.domain.file_lock import Claim, Operation
from coordination.domain.path import normalise_all


def claim(*paths: str) -> Claim:
    ordered = sorted(normalise_all(paths), key=lambda path: path.key)
    return Claim(tuple(ordered), Operation.WRITE, 900)


def test_keys_run_in_the_order_of_paths() -> None:
    wanted = claim("B.py", "a.py")
    assert wanted.keys == ["a.py", "b.py"]
    assert [path.path for path in wanted.paths] == ["a.py", "B.py"]


def test_the_probe_holds_keys_and_ancestors_once_and_sorted() -> None:
    assert claim("src/x/a.py", "src/b.py").probe == ["", "src", "src/b.py", "src/x", "src/x/a.py"]
    assert claim("resource:port/1").probe == ["resource:port", "resource:port/1"]
    assert claim(".").probe == [""]


def test_a_range_lies_below_each_path_but_not_below_another_claimed_one() -> None:
    assert claim("src").ranges == (["src/"], ["src0"])
    assert claim("src", "src/a", "src/a/b", "src2").ranges == (["src/", "src2/"], ["src0", "src20"])


def test_the_whole_tree_is_everything_but_resources() -> None:
    low, high = claim(".", "src").ranges
    assert len(low) == 2
    assert (low[0], high[0]) == ("", "resource:")
    assert not any(start < "resource:port/1" < end for start, end in zip(low, high, strict=True))
    assert any(start < "resource;" < end for start, end in zip(low, high, strict=True))
    both = claim(".", "resource:port").ranges
    assert ("resource:port/", "resource:port0") in zip(*both, strict=True)
