"""A whole index of a repository, made twice: what is in it, and what is read again."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from coordination.domain.file_index import MAX_IMPORTS, IndexedFile
from coordination.repository import file_index
from coordination.repository.extract_cache import MOST_TREES, ExtractCache
from coordination.repository.extraction import Extracted, Reading, extract_all
from coordination.repository.file_index import Stage, make_index
from coordination.repository.source import SOURCE_MAX, Extract
from tests.integration.repository.deadly import read_or_die
from tests.integration.repository.tree import Tree, bare

PROJECT = {
    "app/__init__.py": "",
    "app/core.py": "from app.model import Item\nfrom . import store\n\ndef run(): pass\n",
    "app/model.py": "class Item:\n    def price(self): pass\n",
    "app/store.py": "import app.model\nimport os\n",
    "web/main.ts": "import { Cart } from './cart';\nexport function start() {}\n",
    "web/cart.tsx": "export class Cart { total() {} }\n",
    "readme.md": "# Hello\n",
}


def test_names_and_imports_of_several_languages_are_found(tree: Tree) -> None:
    tree.commit(PROJECT)
    assert tree.files() == {
        file.path: file
        for file in (
            IndexedFile("app/__init__.py"),
            IndexedFile("app/core.py", ("run",), ("app/model.py", "app/store.py")),
            IndexedFile("app/model.py", ("Item", "price")),
            IndexedFile("app/store.py", (), ("app/model.py",)),
            IndexedFile("web/main.ts", ("start",), ("web/cart.tsx",)),
            IndexedFile("web/cart.tsx", ("Cart", "total")),
            IndexedFile("readme.md"),
        )
    }


def test_a_second_run_reads_only_what_changed(tree: Tree) -> None:
    tree.commit(PROJECT)
    tree.write({"new.py": "def fresh(): pass"})
    first = tree.index()
    assert (first.sources, first.read) == (7, 7)
    again = tree.index()
    assert (again.read, again.index) == (0, first.index)
    tree.write({"app/model.py": "class Other: pass\n"})
    assert (tree.index().read, tree.files()["app/model.py"].symbols) == (1, ("Other",))
    tree.git("add", "--all")
    tree.git("commit", "--quiet", "--message", "all of it")
    assert tree.index().read == 0


def test_one_content_under_two_languages_is_two_things(tree: Tree) -> None:
    tree.commit({"a.py": "class A: pass", "a.js": "class A { f() {} }", "b.py": "class A { f() {} }"})
    tree.index()
    assert [tree.files()[path].symbols for path in ("a.py", "a.js", "b.py")] == [("A",), ("A", "f"), ("A",)]


def test_a_file_that_comes_later_is_imported_by_those_that_did_not_change(tree: Tree) -> None:
    tree.commit({"a.py": "import b"})
    assert tree.files()["a.py"].imports == ()
    tree.write({"b.py": ""})
    assert tree.files()["a.py"].imports == ("b.py",)


def test_giant_and_binary_files_are_known_by_their_path(tree: Tree) -> None:
    tree.write(
        {
            "giant.py": b"def f(): pass\n" + b"#" * SOURCE_MAX,
            "binary.py": bytes(range(256)) * 9,
            "b.bin": b"\0",
        }
    )
    (tree.top / "hole.py").touch()
    os.truncate(tree.top / "hole.py", 10 * 1024**4)
    assert {path: file.symbols for path, file in tree.files().items()} == dict.fromkeys(
        ("b.bin", "binary.py", "giant.py", "hole.py"), ()
    )


def test_a_file_that_may_not_be_read_is_known_by_its_path(tree: Tree) -> None:
    tree.commit({"a.py": "def f(): pass"})
    os.truncate(tree.top / "a.py", 0)
    (tree.top / "a.py").chmod(0)
    assert tree.files()["a.py"].symbols == ()


def test_no_more_imports_are_kept_than_there_is_room_for(tree: Tree) -> None:
    names = [f"m{number:04}" for number in range(MAX_IMPORTS + 20)]
    tree.write(
        {f"{name}.py": "" for name in names} | {"all.py": "\n".join(f"import {name}" for name in names)}
    )
    assert tree.files()["all.py"].imports == tuple(f"{name}.py" for name in names[:MAX_IMPORTS])


def test_of_too_many_files_the_sources_are_kept(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write({"a.txt": "", "b.py": "", "c.txt": "", "d.py": ""})
    monkeypatch.setattr(file_index, "MAX_FILES", 3)
    made = tree.index()
    assert [file.path for file in made.index.files] == ["a.txt", "b.py", "d.py"]
    assert made.skipped == {file_index.TOO_MANY: 1}


def test_whoever_watches_is_told_of_every_file_once(tree: Tree) -> None:
    tree.commit(PROJECT)
    told: list[tuple[Stage, int]] = []
    steps: list[int] = []

    def watch(stage: Stage, number: int) -> file_index.Progress:
        told.append((stage, number))
        return steps.append

    make_index(tree.top, tree.cache, bare(), watch)
    assert told == [(Stage.LIST, 0), (Stage.READ, len(PROJECT)), (Stage.HISTORY, 0)]
    assert sum(steps) == len(PROJECT)


# --- several processes -------------------------------------------------------------------------------------------


def extracted(tree: Tree, reading: Reading) -> Extracted:
    cache = ExtractCache(tree.cache, tree.top)
    return extract_all(tree.top, tree.listing().files, cache, lambda done: None, reading=reading)


def test_several_processes_find_what_one_finds(tree: Tree) -> None:
    tree.write({f"m{number}.py": f"def f{number}(): pass" for number in range(250)} | PROJECT)
    assert extracted(tree, Reading(alone=1)) == extracted(tree, Reading(alone=1000))


def test_a_file_that_ends_a_process_is_left_out_alone(tree: Tree) -> None:
    tree.write({f"m{number}.py": "def f(): pass" for number in range(3)} | {"deadly.py": "def g(): pass"})
    found = extracted(tree, Reading(alone=1, reader=read_or_die)).extracts
    assert found == dict.fromkeys(("m0.py", "m1.py", "m2.py"), Extract(("f",))) | {"deadly.py": Extract()}


def test_a_file_that_takes_for_ever_is_given_up(tree: Tree) -> None:
    tree.write({"endless.py": "def g(): pass"})
    reading = Reading(alone=0, stalled_seconds=1, reader=read_or_die)
    assert extracted(tree, reading) == Extracted({"endless.py": Extract()}, 1)


# --- what is kept ------------------------------------------------------------------------------------------------


def test_what_is_kept_is_for_the_user_alone_and_holds_names_only(tree: Tree) -> None:
    tree.commit({"a.py": "SECRET = 'do not tell'\n# a remark\n"})
    tree.index()
    (file,) = tree.cache.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(tree.cache.stat().st_mode) == 0o700
    assert list(json.loads(file.read_text(encoding="utf-8")).values()) == [[["SECRET"], []]]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"x": 3}'], ids=range(5))
def test_a_damaged_cache_counts_as_empty(tree: Tree, content: bytes) -> None:
    tree.commit(PROJECT)
    first = tree.index()
    (file,) = tree.cache.iterdir()
    file.write_bytes(content)
    assert tree.index() == first
    assert tree.index().read == 0


def test_a_damaged_entry_counts_as_missing(tree: Tree) -> None:
    tree.commit({"a.py": "def f(): pass"})
    tree.index()
    (file,) = tree.cache.iterdir()
    kept = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(dict.fromkeys(kept, 7)), encoding="utf-8")
    assert tree.files()["a.py"].symbols == ("f",)


def test_a_cache_that_cannot_be_written_is_no_failure(tree: Tree) -> None:
    tree.commit(PROJECT)
    tree.cache.write_text("a file where a folder should be", encoding="utf-8")
    assert tree.index().read == 6
    assert tree.cache.is_file()


def test_a_file_that_changes_while_it_is_read_is_not_kept_under_the_old_content(tree: Tree) -> None:
    tree.commit({"a.py": "def old(): pass"})
    listed = tree.listing().files
    tree.write({"a.py": "def new(): pass"})
    cache = ExtractCache(tree.cache, tree.top)
    assert extract_all(tree.top, listed, cache, lambda done: None).extracts["a.py"].symbols == ("new",)
    assert cache.get(listed[0].blob, ".py") is None


def test_what_earlier_runs_found_is_kept_for_those_who_change_branches(tree: Tree) -> None:
    tree.commit({"a.py": "def one(): pass"})
    tree.index()
    tree.git("checkout", "--quiet", "-b", "other")
    tree.commit({"a.py": "def two(): pass"})
    assert tree.index().read == 1
    tree.git("checkout", "--quiet", "main")
    assert (tree.index().read, tree.files()["a.py"].symbols) == (0, ("one",))


def test_of_many_trees_those_that_were_used_last_are_kept(tree: Tree, tmp_path: Path) -> None:
    tree.commit(PROJECT)
    tree.cache.mkdir()
    for number in range(MOST_TREES + 3):
        old = tree.cache / f"{number}.json"
        old.touch()
        os.utime(old, (number, number))
    tree.index()
    assert len(list(tree.cache.iterdir())) == MOST_TREES
    assert tree.index().read == 0
