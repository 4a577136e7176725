"""What a JavaScript or TypeScript file defines and imports, read from its syntax tree; nothing of it is run.

The grammars are those of tree-sitter, which go on where a file is broken. Names: what stands at the top level and what
is exported, then the members of classes. Imports are kept as they are written: `./a`, `@team/lib/b`; calls of `require`
and `import` inside of functions are found in the text. The tree is visited from above, a few levels deep, and not with
tree-sitter's queries: those take a time that grows with the square of what one bracket holds.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from coordination.repository.source import Extract, make_extract

_CALLED: Final = re.compile(
    rb"""\b(?:require|import)\s{0,9}\(\s{0,99}(["'`])([^"'`\s$\\]{1,500})\1\s{0,99}[,)]"""
)
_GRAMMARS: Final[dict[str, Callable[[], object]]] = {
    "javascript": tree_sitter_javascript.language,
    "typescript": tree_sitter_typescript.language_typescript,
    "tsx": tree_sitter_typescript.language_tsx,
}
_LANGUAGES: Final = {".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx"}
_EXPORTS: Final = frozenset({"exports", "module.exports"})


def read_script(content: bytes, suffix: str) -> Extract:
    """Return what a script defines and imports, whatever of it can be understood.

    Args:
        content: the file.
        suffix: its ending, which tells the language: `.js`, `.tsx` and so on.
    """
    if b"\0" in content:
        return Extract()
    found = _Found()
    found.statements(_parser(_LANGUAGES.get(suffix, "javascript")).parse(content).root_node.named_children)
    called = (match[2].decode(errors="replace") for match in _CALLED.finditer(content))
    return make_extract([*found.names, *found.members], [*found.imports, *called])


@cache
def _parser(name: str) -> Parser:
    return Parser(Language(_GRAMMARS[name]()))


@dataclass(slots=True)
class _Found:
    """What was found so far: names of the top level, members of classes, and what is imported."""

    names: list[str] = field(default_factory=list[str])
    members: list[str] = field(default_factory=list[str])
    imports: list[str] = field(default_factory=list[str])

    def statements(self, nodes: Iterable[Node]) -> None:
        """Take in statements and what they stand around; a list of our own, so that no nesting is too deep."""
        stack = [iter(nodes)]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
            else:
                self._take(node)
                stack.append(_inside(node))

    def _take(self, node: Node) -> None:
        kind = node.type
        if kind in _NAMED:
            self.names.extend(_texts([node.child_by_field_name("name")]))
        if kind in _WITH_MEMBERS:
            self.members.extend(_members(node))
        elif kind in _IMPORTING:
            self.imports.extend(text[1:-1] for text in _texts([node.child_by_field_name("source")]))
        elif kind in _VARIABLES:
            named = (child.child_by_field_name("name") for child in node.named_children)
            self.names.extend(
                _texts(name for name in named if name is not None and name.type == "identifier")
            )
        elif kind == "export_clause":
            for child in node.named_children:
                self.names.extend(_texts(child.child_by_field_name(part) for part in ("name", "alias")))
        elif kind == "assignment_expression":
            self.names.extend(_assigned(node))


_VARIABLES: Final = frozenset({"lexical_declaration", "variable_declaration"})
_WITH_MEMBERS: Final = frozenset({"class_declaration", "abstract_class_declaration", "interface_declaration"})
_NAMED: Final = _WITH_MEMBERS | {
    "function_declaration",
    "generator_function_declaration",
    "function_signature",
    "enum_declaration",
    "type_alias_declaration",
    "internal_module",
}
_IMPORTING: Final = frozenset({"import_statement", "export_statement", "import_require_clause"})
_AROUND: Final = _IMPORTING | {"expression_statement", "ambient_declaration"}


def _inside(node: Node) -> Iterator[Node]:
    """Return what a statement stands around at the same level: what it exports, declares or puts in a namespace."""
    if node.type in _AROUND:
        return iter(node.named_children)
    body = node.child_by_field_name("body") if node.type == "internal_module" else None
    return iter(body.named_children if body is not None else ())


def _members(node: Node) -> Iterator[str]:
    body = node.child_by_field_name("body")
    for member in body.named_children if body is not None else ():
        # JavaScript's grammar calls the name of a field its property.
        name = member.child_by_field_name("name") or member.child_by_field_name("property")
        if name is not None and name.type == "property_identifier" and name.text != b"constructor":
            yield from _texts([name])


def _assigned(node: Node) -> Iterator[str]:
    """Yield what `exports.name = …`, `module.exports.name = …` and `module.exports = {name, …}` export."""
    target, value = node.child_by_field_name("left"), node.child_by_field_name("right")
    if target is None or target.type != "member_expression":
        return
    if _EXPORTS.intersection(_texts([target.child_by_field_name("object")])):
        yield from _texts([target.child_by_field_name("property")])
    elif value is not None and value.type == "object" and _EXPORTS.intersection(_texts([target])):
        for child in value.named_children:
            is_short = child.type == "shorthand_property_identifier"
            named = (
                child if is_short else child.child_by_field_name("key") or child.child_by_field_name("name")
            )
            yield from _texts([named])


def _texts(nodes: Iterable[Node | None]) -> Iterator[str]:
    for node in nodes:
        if node is not None and node.text is not None:
            yield node.text.decode(errors="replace")
