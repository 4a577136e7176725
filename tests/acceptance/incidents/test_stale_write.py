"""Incident 6 (openclaw#146096, claude-code#43138): a write from a stale reading discards what is newer.

Seen with both versions: Claude Code compares the time of the file's last change with the one at its own reading, so a
newer version that brings an older time with it (`cp -p`, `rsync -a`, `tar x`, a restored backup) goes unnoticed, and a
whole-file Write puts back what was read. 2.1.330 also makes an Edit in a file that did change, and says "the edit
applied cleanly": it goes by the lines it replaces, so what is built on a name that is gone ends broken. 2.1.197 refuses
that one, and says that it was "the user or a linter".
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.claude import NEWER
from tests.acceptance.incidents.conftest import Lay
from tests.acceptance.incidents.desk import COMMIT, USER, Desk
from tests.acceptance.incidents.report import WITH, WITHOUT, Saw
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import If, Say

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="two real clients start"),
]

FILE = "price.py"
END = "    return price\n"
READ = f"def total(price):\n{END}"
NEWER_TEXT = "def total(price):\n    return round(price * 1.19, 2)\n"
OWN_TEXT = f"{READ}\n\ndef label():\n    return 'price'\n"
MERGED = OWN_TEXT.replace(READ, NEWER_TEXT)
SUCCESS = "has been updated successfully"
HOUR = 3600


def play_copy(desk: Desk, elsewhere: Path) -> dict[str, Outcome]:
    """impl_b has read the file, impl_a copies its finished version over it, and impl_b writes the file whole."""
    elsewhere.write_text(NEWER_TEXT)
    earlier = (desk.folder / FILE).stat().st_mtime - HOUR
    os.utime(elsewhere, (earlier, earlier))
    reader = desk.start(
        "impl_b",
        [
            desk.read(FILE),
            desk.write(FILE, OWN_TEXT, name="b:writes", after="it is newer"),
            If("changed since you read it", desk.read(FILE), Say("Done.")),
            If("1.19", desk.write(FILE, MERGED), Say("Nothing new.")),
            Say("Done."),
        ],
    )
    desk.model.reached("b:writes")
    copier = desk.start("impl_a", [desk.shell(f"cp -p {elsewhere} {FILE}"), Say("Done.", name="a:ends")])
    copied = copier.wait()
    desk.model.open("it is newer")
    return {"impl_a": copied, "impl_b": reader.wait()}


def play_rename(desk: Desk) -> dict[str, Outcome]:
    """impl_b has read the file, impl_a renames a function and commits, and impl_b calls it by the name it knows."""
    reader = desk.start(
        "impl_b",
        [
            desk.read(FILE),
            desk.edit(
                FILE,
                END,
                f"{END}\n\nassert total(2) == 2\n",
                name="b:edits",
                after="it is renamed",
            ),
            If("changed since you read it|modified since read", desk.read(FILE), Say("Done.")),
            desk.edit(FILE, END, f"{END}\n\nassert gross(2) == 2\n"),
            Say("Done."),
        ],
    )
    desk.model.reached("b:edits")
    renamer = desk.start(
        "impl_a",
        [desk.read(FILE), desk.edit(FILE, "def total", "def gross"), desk.shell(COMMIT), Say("Done.")],
    )
    renamed = renamer.wait()
    desk.model.open("it is renamed")
    return {"impl_a": renamed, "impl_b": reader.wait()}


def works(desk: Desk) -> bool:
    """Whether the file runs."""
    return (
        subprocess.run([sys.executable, desk.folder / FILE], check=False, capture_output=True).returncode == 0
    )


def test_without_the_plugin_a_whole_file_is_put_back_over_a_newer_one(
    bare: Lay, tmp_path: Path, saw: Saw
) -> None:
    desk = bare({FILE: READ})
    played = play_copy(desk, tmp_path / "finished.py")
    assert [result.is_error for outcome in played.values() for result in outcome.results] == [False] * 3
    assert (desk.folder / FILE).read_text() == OWN_TEXT
    saw(6, WITHOUT, "a Write from a stale reading was answered as successful and the newer version is gone")


def test_without_the_plugin_an_edit_may_be_built_on_what_is_gone(bare: Lay, version: str) -> None:
    desk = bare({FILE: READ})
    edit = play_rename(desk)["impl_b"].results[1]
    if version == NEWER:
        assert "the edit applied cleanly" in edit.text
        assert not works(desk)
    else:
        assert "either by the user or by a linter" in edit.text


def test_with_the_plugin_a_newer_file_has_to_be_read_before_it_is_written(
    guarded: Lay, tmp_path: Path, saw: Saw
) -> None:
    desk = guarded({FILE: READ})
    played = play_copy(desk, tmp_path / "finished.py")
    refused = played["impl_b"].results[1]
    assert refused.is_error
    assert f'"{FILE}" changed since you read it' in refused.text
    assert "no agent here" in refused.text
    assert (desk.folder / FILE).read_text() == MERGED
    saw(6, WITH, "the Write was refused until the newer version was read and both are there")


def test_with_the_plugin_an_edit_is_built_on_what_is_there_now(guarded: Lay, version: str, saw: Saw) -> None:
    desk = guarded({FILE: READ})
    refused = play_rename(desk)["impl_b"].results[1]
    assert refused.is_error
    assert works(desk)
    # 2.1.197 refuses by itself before it asks a hook, so it is its own words that are read there.
    if version == NEWER:
        assert f'"{FILE}" changed since you read it' in refused.text
        assert f'"{USER}/impl_a" wrote it' in refused.text
        saw(6, WITH, "who changed it is named")
