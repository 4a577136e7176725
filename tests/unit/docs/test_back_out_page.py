"""docs/how-to/back-out.md says of every revision what goes with it, and names no other."""

import re

from coordination.store.schema_version import known
from tests.unit.docs.page import DOCS, names, section, text_of

PAGE = text_of(DOCS / "how-to" / "back-out.md")


def test_the_table_has_every_revision_the_newest_first_and_no_other() -> None:
    assert names(section(PAGE, "What goes with each revision")) == [*reversed(known())]


def test_the_commands_go_from_the_newest_revision_to_an_older_one() -> None:
    assert {re.findall(r"--to (\S+) --yes", PAGE)[0], *re.findall(r"newest is (\d+)", PAGE)} < set(
        known()[:-1]
    )
    assert set(re.findall(r"(?:at|from|revision) \"?(\d{4})", PAGE)) == {known()[-1]}
