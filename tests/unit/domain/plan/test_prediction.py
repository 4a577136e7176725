"""What a task is predicted to touch: on a repository with known history, and source by source."""

import pytest

from coordination.domain.file_index import CoChange, FileIndex, IndexedFile
from coordination.domain.path import normalise
from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.evidence import Source
from coordination.domain.plan.prediction import EVERY_SOURCE, predict
from coordination.domain.plan.task import PlannedTask
from tests.unit.domain.plan import shop
from tests.unit.domain.plan.score import Score, score

SHOP = Corpus(shop.index())
SEPARABLE = (Source.TEXT, Source.SYMBOLS, Source.IMPORTS, Source.CO_CHANGE)


def predicted(description: str, *files: IndexedFile, changes: tuple[CoChange, ...] = ()) -> dict[str, float]:
    corpus = Corpus(FileIndex(files, changes))
    return {found.path: found.confidence for found in predict(corpus, PlannedTask("t", description))}


def test_twelve_tasks_of_known_outcome_are_foreseen() -> None:
    found = score(SHOP, shop.TASKS)
    assert found.recall >= 0.8
    assert found.precision >= 0.5


@pytest.mark.parametrize("source", SEPARABLE)
def test_every_source_tells_something_that_no_other_does(source: Source) -> None:
    without: Score = score(SHOP, shop.TASKS, EVERY_SOURCE - {source})
    assert without.f1 < score(SHOP, shop.TASKS).f1
    assert without.recall < score(SHOP, shop.TASKS).recall


def test_the_same_question_has_the_same_answer() -> None:
    asked = [PlannedTask(known.id, known.description) for known in shop.TASKS]
    again = Corpus(shop.index())
    assert [predict(SHOP, task) for task in asked] == [predict(again, task) for task in asked]


def test_a_path_in_the_text_is_nearly_certain_by_its_end_or_whatever_its_case() -> None:
    files = (IndexedFile("src/shop/Cart.py"), IndexedFile("src/shop/user.py"))
    assert predicted("Mend src/shop/cart.py.", *files) == {"src/shop/Cart.py": 0.97}
    assert predicted("Mend shop/user.py", *files) == {"src/shop/user.py": 0.9}


def test_a_path_that_is_not_there_yet_is_predicted_too() -> None:
    assert predicted("Write docs/how-to/pay.md", IndexedFile("docs/README.md")) == {
        "docs/how-to/pay.md": 0.85
    }


def test_an_end_that_several_files_share_says_less_about_each() -> None:
    files = tuple(IndexedFile(f"{folder}/models.py") for folder in ("a", "b"))
    assert predicted("Mend models.py", *files) == {"a/models.py": 0.45, "b/models.py": 0.45}


def test_a_file_at_the_top_is_meant_by_its_name_though_others_end_in_it() -> None:
    files = [
        IndexedFile(f"{folder}package.json") for folder in ("", "packages/a/", "packages/b/", "packages/c/")
    ]
    assert predicted("Add a script to package.json", *files) == {"package.json": 0.97}


DOTS = [
    ("Mend .github/workflows/ci.yml", ".github/workflows/ci.yml"),
    ("Mend ./src/x.py...", "src/x.py"),
    ("Mend src/../src/x.py", "src/x.py"),
    ("Mend ...src/x.py", "src/x.py"),
    ("Mend it (src/x.py).", "src/x.py"),
    ("Mend it (as in src/x.py), [src/x.py]", "src/x.py"),
    ("Mend it (src/x.py, or so)", "src/x.py"),
    ("Mend app/(shop)/[id].ts", "app/(shop)/[id].ts"),
    ("Mend (shop)/[id]/[size].ts", "(shop)/[id]/[size].ts"),
    ("Mend app/[id]/(a).ts", "app/[id]/(a).ts"),
]


@pytest.mark.parametrize(("text", "path"), DOTS)
def test_dots_and_brackets_of_a_path_are_its_own_but_not_those_of_a_sentence(text: str, path: str) -> None:
    assert predicted(text) == {path: 0.85}
    assert predicted(text, IndexedFile(path)) == {path: 0.97}


def test_a_file_whose_name_begins_with_a_dot_is_found() -> None:
    files = (IndexedFile(".eslintrc.json"), IndexedFile("web/eslint.json"))
    assert predicted("Change .eslintrc.json", *files) == {".eslintrc.json": 0.97}


def test_a_path_outside_of_the_repository_is_none_of_its_files() -> None:
    assert predicted("Mend ../app/x.py") == {}
    assert predicted("Mend ./", IndexedFile("x.py")) == {}


def test_a_name_that_is_spelt_like_code_means_the_file_of_that_name() -> None:
    files = (IndexedFile("src/claim_lock.py"), IndexedFile("sql/claim_lock.sql"), IndexedFile("src/claim.py"))
    found = predicted("Let claim_lock take globs", *files)
    assert found == {"sql/claim_lock.sql": 0.601, "src/claim_lock.py": 0.601}


def test_a_folder_at_the_top_is_known_by_the_slash_behind_it() -> None:
    files = (IndexedFile("src/a.py"), IndexedFile("docs/b.md"), IndexedFile("tools/src"))
    assert predicted("Mend src/, and all of it", *files) == {"src/a.py": 0.6}
    assert predicted("Mend v1.2/") == {}


def test_a_folder_in_the_text_means_what_is_below_it() -> None:
    files = (IndexedFile("src/pay/a.py"), IndexedFile("src/pay/b.py"), IndexedFile("src/c.py"))
    assert predicted("Format src/pay/", *files) == {"src/pay/a.py": 0.6, "src/pay/b.py": 0.6}


def test_who_uses_a_thing_is_touched_when_its_outside_changes_and_not_else() -> None:
    files = (IndexedFile("a.py", ("make_thing",)), IndexedFile("b.py", imports=("a.py",)))
    assert predicted("Rename make_thing", *files).keys() == {"a.py", "b.py"}
    assert predicted("Speed make_thing up", *files).keys() == {"a.py"}


def test_a_symbol_that_everybody_defines_says_nothing() -> None:
    files = tuple(IndexedFile(f"{number}.py", ("get_absolute_url",)) for number in range(9))
    assert predicted("Mend get_absolute_url", *files) == {}


def test_what_changed_together_is_touched_together() -> None:
    files = (IndexedFile("pay.py"), IndexedFile("docs/money.md"))
    change = CoChange("pay.py", "docs/money.md", 0.9)
    assert predicted("Mend pay.py", *files, changes=(change,))["docs/money.md"] == 0.786


def test_files_that_come_with_the_task_are_certain_and_spelt_as_the_index_does() -> None:
    corpus = Corpus(FileIndex((IndexedFile("src/Cart.py"),)))
    task = PlannedTask("t", "Mend it", files=(normalise("SRC/cart.py"), normalise("src/new.py")))
    assert [(found.path, found.confidence) for found in predict(corpus, task)] == [
        ("src/Cart.py", 1.0),
        ("src/new.py", 1.0),
    ]


def test_of_files_that_come_with_the_task_none_is_left_out() -> None:
    given = tuple(normalise(f"{number}.py") for number in range(100))
    found = predict(Corpus(FileIndex(())), PlannedTask("t", "Mend a/b.py", files=given))
    assert sorted(one.path for one in found) == sorted(path.path for path in given)


def test_a_task_that_speaks_of_nothing_in_the_repository_touches_nothing() -> None:
    assert predicted("Bake a cake", IndexedFile("src/cart.py", ("add_line",))) == {}
    assert predicted("", IndexedFile("src/cart.py", ("add_line",))) == {}


def test_an_empty_index_is_no_trouble() -> None:
    assert predicted("Mend the cart in src/cart.py") == {"src/cart.py": 0.85}
