"""The map of the daemon on the page about architecture names every module, once, and none that is gone."""

from __future__ import annotations

import re

from tests.unit.docs.page import DOCS, ROOT, text_of

MAP = re.compile(r"^### Inside the daemon\n.*?^\| --- .*?\n(.*?)\n\n", re.MULTILINE | re.DOTALL)


def test_the_map_of_the_daemon_has_every_module_once() -> None:
    found = MAP.search(text_of(DOCS / "explanation" / "architecture.md"))
    assert found is not None
    named = re.findall(r"`(\w+)`", found[1])
    there = {path.stem for path in (ROOT / "coordination" / "daemon").glob("*.py")} - {"__init__", "daemon"}
    assert sorted(named) == sorted(there)
