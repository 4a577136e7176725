"""What an analysis may cost: folders are looked up, of many mentions the first ones count, and it can be ended."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, overload

import pytest

from coordination.domain.file_index import FileIndex, IndexedFile
from coordination.domain.plan.analysis import Complexity, analyse
from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.evidence import MOST_MENTIONS, MOST_WORDS, from_symbols, from_text
from coordination.domain.plan.prediction import predict
from coordination.domain.plan.task import PlannedTask

FILES = 4096


class Counted(Sequence[str]):
    """Keys that count how often one of them is looked at."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
        self.looks = 0

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        self.looks += 1
        return self.keys[place]

    def __len__(self) -> int:
        return len(self.keys)


def corpus(*paths: str) -> Corpus:
    return Corpus(FileIndex(tuple(IndexedFile(path) for path in paths)))


def test_a_folder_is_found_without_a_look_at_every_file() -> None:
    large = corpus(*(f"src/p{number}/m.py" for number in range(FILES)))
    keys, numbers = large.by_key
    counted = Counted(keys)
    large.by_key = (counted, numbers)
    assert [large.paths[number] for number in large.below("src/p7")] == ["src/p7/m.py"]
    assert large.below("src/q") == ()
    assert 0 < counted.looks <= 4 * (FILES.bit_length() + 1)


def test_what_is_below_a_folder_is_what_its_key_and_a_slash_begin() -> None:
    some = corpus("b/Z.py", "a-b/x.py", "a/z.py", "a", "a0/x.py", "A/b/c.py", "a.py")
    assert [some.paths[number] for number in some.below("a")] == ["a/z.py", "A/b/c.py"]


def test_of_many_paths_in_one_text_the_first_ones_count() -> None:
    text = " ".join(f"d/n{number}.py" for number in range(MOST_MENTIONS + 1))
    assert {found.path for found in from_text(corpus("x.py"), text)} == {
        f"d/n{number}.py" for number in range(MOST_MENTIONS)
    }
    again = f"{'d/n0.py ' * MOST_MENTIONS} d/n1.py"
    assert {found.path for found in from_text(corpus("x.py"), again)} == {"d/n0.py", "d/n1.py"}


# No word of these ends as words do.
WORDS = [f"zu{first}{second}ok" for first in "abcdefghij" for second in "klmnopqrst"]


def test_of_many_words_the_rarest_are_looked_up_and_all_of_them_count() -> None:
    rare, common = WORDS[:MOST_WORDS], WORDS[MOST_WORDS]
    paths = [*(f"{word}.py" for word in rare), f"a/{common}.py", f"b/{common}.py", f"{rare[0]}_{common}.py"]
    text = " ".join([common, *rare])
    assert {found.path for found in from_text(corpus(*paths), text)} == {*paths} - {*paths[-3:-1]}
    assert {found.path for found in from_text(corpus(*paths), common)} == {*paths[-3:]}


def test_of_many_words_few_pairs_are_looked_up_in_symbols() -> None:
    symbols = tuple(f"{word}_{after}" for word, after in pairwise(WORDS))
    one = Corpus(FileIndex((IndexedFile("a.py", symbols),)))
    asked: list[object] = []

    class Asked(dict[tuple[str, str], Sequence[str]]):
        def get(self, *key: Any) -> Any:
            asked.append(key)
            return super().get(*key)

    one.vocabulary = replace(one.vocabulary, by_pair=Asked(one.vocabulary.by_pair))
    assert list(from_symbols(one, " ".join(WORDS)))
    assert len(asked) == MOST_WORDS * (MOST_WORDS - 1) // 2


def test_a_folder_of_almost_everything_says_nothing_about_a_file() -> None:
    large = corpus(*(f"src/p/m{number}.xyz" for number in range(FILES)))
    assert predict(large, PlannedTask("t", "Format src/p/")) == ()
    assert not list(from_text(large, "Format src/p/"))


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("see d/new.py, then", ["d/new.py"]),
        ("(d/a.py) d//b.py", ["b.py", "d/a.py"]),
        ("a.b.c@py-x.py_7 b.py-", ["b.py"]),
        ("(b.py", ["b.py"]),
        (f"{'a' * 50}/b.py", [f"{'a' * 50}/b.py"]),
        ("a" * 2000, []),
    ],
)
def test_mentions_begin_and_end_where_a_path_does(text: str, paths: list[str]) -> None:
    found = {sign.path for sign in from_text(corpus("b.py"), text) if "named in" in sign.reason}
    assert found == set(paths)


@pytest.mark.parametrize(("text", "is_named"), [("x.run()", True), ("x.run(", False), ("`run`", True)])
def test_what_is_called_or_quoted_is_named(text: str, is_named: bool) -> None:
    one = Corpus(FileIndex((IndexedFile("a.py", ("run",)),)))
    assert bool(list(from_symbols(one, text))) is is_named


class Unwanted(Exception):
    """What ends an analysis."""


@pytest.mark.parametrize("looks", range(7))
def test_an_analysis_can_be_ended_before_each_task_and_each_schedule(looks: int) -> None:
    left = list(range(looks))

    def look() -> None:
        if not left:
            raise Unwanted
        left.pop()

    tasks = [PlannedTask(f"t{number}", f"Mend a{number}.py") for number in range(3)]
    with pytest.raises(Unwanted):
        analyse(corpus("a0.py", "a1.py"), tasks, Complexity.SIMPLE, look)
    assert not left
