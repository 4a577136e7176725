"""What a Python file defines and imports, and that no file is too odd to be read."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coordination.domain.file_index import MAX_SYMBOL_CHARACTERS, MAX_SYMBOLS
from coordination.repository.python_source import read_python
from coordination.repository.source import Extract

SOURCE = b'''
"""Text with def hidden(): in it."""
import os, a.b as c
from . import near
from ..pkg.mod import (first, second as other)
from far import *

LIMIT = 3
left = right = 1
typed: int = 4
__all__ = ["f"]

class Outer(Base):
    field: int = 0
    def __init__(self): self.value = 1
    async def run(self):
        import lazy.module
        def hidden(): pass
    class Inner:
        def deep(self): pass

@decorated
def f(x):
    local = 1

if TYPE_CHECKING:
    from typing import Never
    def under_if(): pass
try:
    import quick
except ImportError:
    import slow
    FALLBACK = True
'''


def test_names_of_the_module_come_before_those_of_its_classes() -> None:
    assert read_python(SOURCE).symbols == (
        *("LIMIT", "left", "right", "typed", "Outer", "f", "under_if", "FALLBACK"),
        *("field", "run", "Inner", "deep"),
    )


def test_imports_are_kept_as_they_are_written_wherever_they_stand() -> None:
    assert set(read_python(SOURCE).imports) == {
        *("os", "a.b", ".:near", "..pkg.mod:first,second", "far:*", "lazy.module"),
        *("typing:Never", "quick", "slow"),
    }


@pytest.mark.parametrize(
    "broken",
    [
        b"import a\nfrom .b import c, d as e\nclass A(:\n    def m(self):\n  async def n(): pass\nprint 'two'\n",
        b"import a\r\nfrom .b import (c, d)\r\nclass A: pass\r\ndef m(): pass\r\ndef n(): pass\r\n<<<<<<< HEAD\r\n",
        b"# coding: no-such-codec\nimport a\nfrom .b import c,d\nclass A: pass\ndef m(): pass\ndef n(): pass\n",
    ],
)
def test_a_file_that_does_not_parse_is_looked_through(broken: bytes) -> None:
    assert read_python(broken) == Extract(("A", "m", "n"), ("a", ".b:c,d"))


@pytest.mark.parametrize(
    "hostile",
    [
        b"(" * 200_000,
        b"-" * 300_000 + b"1",
        b"x = " + b"[" * 5_000 + b"]" * 5_000,
        b"a" + b".b" * 100_000,
        b"x = 1" + b" + 1" * 100_000,
        b"lambda:" * 50_000,
        b"def f(): pass\n\0",
        b"\xff\xfe\xfd",
        b"from " + b"." * 100_000 + b" import x",
        b"\xef\xbb\xbf\xef\xbb\xbf",
        b"x = '\\ud800'\n\xed\xa0\x80",
    ],
    ids=range(11),
)
def test_no_content_ends_the_reading(hostile: bytes) -> None:
    read_python(hostile)


def test_nesting_that_a_parser_can_just_bear_is_no_trouble_afterwards() -> None:
    deep = "".join(f"{' ' * depth}if x:\n" for depth in range(99)) + " " * 99 + "def f(): import a"
    assert read_python(deep.encode()) == Extract(("f",), ("a",))


def test_many_and_long_names_are_cut_where_the_limit_is() -> None:
    many = "\n".join(f"def f{number}(): pass" for number in range(MAX_SYMBOLS + 50))
    found = read_python(f"def {'x' * (MAX_SYMBOL_CHARACTERS + 1)}(): pass\n{many}".encode()).symbols
    assert (len(found), found[0], found[-1]) == (MAX_SYMBOLS, "f0", f"f{MAX_SYMBOLS - 1}")


def test_a_warning_of_the_code_that_is_read_goes_nowhere() -> None:
    assert read_python(b"x = '\\d'\nassert (1, 'always true')\n").symbols == ("x",)


@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode(errors="surrogatepass")))
@example(b"def \xc3\xa9(): pass")
def test_whatever_a_file_holds_names_are_short_and_can_be_shown(content: bytes) -> None:
    found = read_python(content)
    assert all(name.isprintable() and len(name) <= MAX_SYMBOL_CHARACTERS for name in found.symbols)
    assert all(name.isprintable() for name in found.imports)
