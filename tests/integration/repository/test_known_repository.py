"""The scripted repository, made with git and read as `coord index` reads it, lets twelve known tasks be foreseen."""

from __future__ import annotations

import pytest

from coordination.domain.file_index import FileIndex
from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.evidence import Source
from coordination.domain.plan.prediction import EVERY_SOURCE
from tests.integration.repository.tree import Tree, make_tree
from tests.unit.domain.plan import shop
from tests.unit.domain.plan.score import score


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> FileIndex:
    """The index of the shop, whose every commit happened."""
    tree: Tree = make_tree(tmp_path_factory.mktemp("shop"))
    contents = dict(shop.sources())
    tree.commit(contents)
    for number, files in enumerate(shop.HISTORY):
        comment = {"py": "#", "ts": "//", "tsx": "//"}
        for path in files:
            contents[path] += f"{comment.get(path.rpartition('.')[2], '')} change {number}\n"
        tree.commit({path: contents[path] for path in files})
    return tree.index().index


def test_what_is_read_is_what_the_script_says(index: FileIndex) -> None:
    said = shop.index()
    assert {file.path: set(file.symbols) for file in index.files} == {
        file.path: set(file.symbols) for file in said.files
    }
    assert {file.path: set(file.imports) for file in index.files} == {
        file.path: set(file.imports) for file in said.files
    }
    assert {(one.path, one.other): round(one.weight, 3) for one in index.co_changes} == {
        (one.path, one.other): one.weight for one in said.co_changes
    }


def test_the_known_tasks_are_foreseen_and_each_source_has_its_part(index: FileIndex) -> None:
    corpus = Corpus(index)
    whole = score(corpus, shop.TASKS)
    assert whole.recall >= 0.8
    assert whole.precision >= 0.5
    for source in (Source.TEXT, Source.SYMBOLS, Source.IMPORTS, Source.CO_CHANGE):
        assert score(corpus, shop.TASKS, EVERY_SOURCE - {source}).f1 < whole.f1
