"""The pages name all that the service leaves in the data folder, and nothing that it does not."""

from __future__ import annotations

import pytest

from tests.acceptance.docs.conftest import Documented
from tests.unit.docs.page import DOCS, names, spans, text_of

pytestmark = pytest.mark.acceptance

PAGE = text_of(DOCS / "how-to" / "move-or-delete-data.md")
OF_THE_TABLE = set(names(PAGE.partition("## Move it")[0]))
MADE_WHERE_NEEDED = {"local.token", "coordination.toml", "daemon", "plugin"}


def test_everything_in_the_data_folder_is_in_the_table(documented: Documented) -> None:
    found = {path.name for path in documented.installation.data_dir.iterdir()}
    assert found | MADE_WHERE_NEEDED == OF_THE_TABLE | (found & MADE_WHERE_NEEDED)


def test_every_log_is_on_the_page_about_logs(documented: Documented) -> None:
    found = {f"logs/{path.name}" for path in (documented.installation.data_dir / "logs").iterdir()}
    named = {
        name for name in spans(text_of(DOCS / "how-to" / "read-the-logs.md")) if name.startswith("logs/")
    }
    assert found == named
