"""What a JavaScript or TypeScript file defines and imports, and that no file is too odd to be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination.domain.file_index import MAX_SYMBOL_CHARACTERS
from coordination.repository.script_source import read_script
from coordination.repository.source import SCRIPT

TYPESCRIPT = b"""
import a, { b } from "./a";
import type { T } from '@team/lib/t';
import x = require("./eq");
import "./effect";
export * from "./star";
export { q as r } from "./q";
// function inComment() {}
export default class Foo extends Bar<T> {
  private y = 3;
  constructor() { super() }
  run<T>(a: T) { function hidden() {} const no = 1; return import("./lazy") }
  static get size() { return 1 }
}
export const A = 1, B = () => { const hidden2 = 2 };
export interface Shape { area(): number }
export type Id = string;
enum Colour { Red }
namespace Space { export function inner() {} }
declare function declared(a: number): void;
abstract class Abs { abstract must(): void }
export async function* many() { await require('./called') }
"""
JAVASCRIPT = b"""
const a = require("./a");
exports.foo = 1;
module.exports.zed = 2;
module.exports = { b, c: 1, d() {} };
other.thing = 3;
class K { f = 1; static g() {} }
let v; var w = function () {};
export { a as b2 };
function* gen() {}
if (v) { function conditional() {} }
"""


def test_typescript_is_read() -> None:
    found = read_script(TYPESCRIPT, ".ts")
    assert found.symbols == (
        *("q", "r", "Foo", "A", "B", "Shape", "Id", "Colour", "Space", "inner", "declared", "Abs", "many"),
        *("y", "run", "size", "area", "must"),
    )
    assert found.imports == (
        *("./a", "@team/lib/t", "./eq", "./effect", "./star", "./q"),
        *("./lazy", "./called"),
    )


def test_javascript_is_read_with_its_older_way_to_export() -> None:
    found = read_script(JAVASCRIPT, ".js")
    assert set(found.symbols) == {*("a", "foo", "zed", "b", "c", "d", "K", "v", "w", "b2", "gen"), "f", "g"}
    assert found.imports == ("./a",)


@pytest.mark.parametrize("suffix", [".jsx", ".tsx"])
def test_markup_in_a_script_is_understood(suffix: str) -> None:
    found = read_script(
        b"import z from './z';\nexport const View = () => <div className='x'>{z}</div>;\n", suffix
    )
    assert (found.symbols, found.imports) == (("View",), ("./z",))


def test_a_broken_file_gives_what_can_be_understood() -> None:
    found = read_script(b"import a from './a';\nfunction whole() {}\nfunction broken( {\n}}}\n", ".js")
    assert ("whole" in found.symbols, found.imports) == (True, ("./a",))


@pytest.mark.parametrize("suffix", sorted(SCRIPT))
@pytest.mark.parametrize(
    "hostile",
    [
        b"(" * 100_000,
        b"{" * 100_000,
        b"-" * 100_000,
        b"[" + b"," * 300_000 + b"]",
        b"`${" * 30_000,
        b"\xff" * 9_999,
    ],
    ids=range(6),
)
def test_no_content_ends_the_reading_or_takes_for_ever(hostile: bytes, suffix: str) -> None:
    read_script(hostile, suffix)


def test_what_is_not_text_has_no_names() -> None:
    assert read_script(b"function f() {}\0", ".js").symbols == ()


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from(sorted(SCRIPT)))
def test_whatever_a_file_holds_names_are_short_and_can_be_shown(content: bytes, suffix: str) -> None:
    found = read_script(content, suffix)
    assert all(name.isprintable() and len(name) <= MAX_SYMBOL_CHARACTERS for name in found.symbols)
    assert all(name.isprintable() for name in found.imports)


def test_names_that_nobody_sees_are_left_out() -> None:
    found = read_script(b"function f\xe3\x85\xa4() {}\nfunction g() {}\n", ".js")
    assert found.symbols == ("g",)
