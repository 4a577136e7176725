"""docs/reference/plugin.md names every file, hook, fact and pinned name of the plugin, and nothing else."""

import ast
import json
from typing import Any

from coordination.daemon import frames, socket_path
from tests.unit.docs.page import REFERENCE, ROOT, names, rows, section, spans, text_of

PAGE = text_of(REFERENCE / "plugin.md")
PLUGIN = ROOT / "clients" / "claude_code"
HOOK = ast.parse(text_of(PLUGIN / "hooks" / "hook.py"))


def constants(name: str) -> Any:
    """The value of a constant of the hook program."""
    for node in HOOK.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == name
        ):
            return ast.literal_eval(node.value)
    raise LookupError(name)


def strings() -> set[str]:
    """Every text in the hook program."""
    return {
        node.value
        for node in ast.walk(HOOK)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_file_is_named_and_no_other() -> None:
    there = {path.relative_to(PLUGIN).as_posix() for path in PLUGIN.rglob("*") if path.is_file()}
    there = {name for name in there if "__pycache__" not in name}
    assert set(names(section(PAGE, "Files"))) == there | {"hooks/pinned"}


def test_every_hook_is_named_with_what_it_is_for() -> None:
    hooks = json.loads(text_of(PLUGIN / "hooks" / "hooks.json"))["hooks"]
    expected = [event for event, entries in hooks.items() for _ in entries]
    assert sorted(names(section(PAGE, "Hooks"))) == sorted(expected)
    (edits,) = (row for row in rows(section(PAGE, "Hooks")) if "`Edit`" in row[1])
    assert "|".join(spans(edits[1])) in {entry.get("matcher") for entry in hooks["PreToolUse"]}


def test_every_fact_is_named() -> None:
    sent = {"event", "ppid", "pid", "host_python", *constants("TOLD")}
    assert set(names(section(PAGE, "Frames"))) == sent


def test_every_pinned_name_is_read_by_the_hook_or_its_shell_part() -> None:
    shell = text_of(PLUGIN / "hooks" / "run.sh")
    documented = names(section(PAGE, "Pinned"))
    assert {name for name in documented if name not in strings()} == {"interpreter"}
    assert "interpreter) python=$value" in shell


def test_both_ends_have_the_same_limits_and_a_hook_has_less_than_two_seconds() -> None:
    source = {name: eval_product(name) for name in ("REQUEST_MAX", "REPLY_MAX", "PATH_MAX")}
    assert source == {
        "REQUEST_MAX": frames.REQUEST_MAX,
        "REPLY_MAX": frames.REPLY_MAX,
        "PATH_MAX": socket_path.PATH_MAX,
    }
    assert sum(constants(f"{phase}_SECONDS") for phase in ("ASK", "FALL_BACK", "PRINT")) < 2
    assert constants("DELIVERED") == frames.RECEIPT


def eval_product(name: str) -> int:
    """A constant that is written as a number, or as one shifted to the left."""
    for node in HOOK.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == name
        ):
            value = node.value
            if isinstance(value, ast.BinOp):
                return int(ast.literal_eval(value.left)) << int(ast.literal_eval(value.right))
            return int(ast.literal_eval(value))
    raise LookupError(name)
