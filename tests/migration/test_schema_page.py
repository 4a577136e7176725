"""The schema's reference page names every table and column that the database has, and no other."""

import re
from pathlib import Path

from tests.migration.guide_database import fetch

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "schema.md"
COLUMNS = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"


def sections() -> dict[str, list[str]]:
    """The first column of each section's table of columns, by the table that the heading names."""
    found: dict[str, list[str]] = {}
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        if heading := re.match(r"`(\w+)`", section):
            found[heading[1]] = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    return found


async def test_the_page_names_every_column_of_every_table_and_no_other(migrated_dsn: str) -> None:
    there = {(row["table_name"], row["column_name"]) for row in await fetch(migrated_dsn, COLUMNS)}
    written = [(table, column) for table, columns in sections().items() for column in columns]
    assert len(written) == len(set(written))
    assert there - set(written) == set()
    assert set(written) - there == set()


async def test_the_page_names_every_index_key_and_function_that_people_meet(migrated_dsn: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = await fetch(
        migrated_dsn,
        "SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'idx%'"
        " UNION SELECT relname FROM pg_class WHERE relkind = 'S' AND relname LIKE 'coordination%'"
        " UNION SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    )
    assert len(names) > 8
    assert [row["name"] for row in names if f"`{row['name']}`" not in text] == []
    assert set(re.findall(r"`(idx_\w+)`", text)) <= {row["name"] for row in names}


def test_the_page_counts_its_tables() -> None:
    text = PAGE.read_text(encoding="utf-8")
    # One more says which revision the others are at.
    many = len(sections()) - 1
    of_sessions = [
        columns for columns in sections().values() if "session_id" in columns and "digest" not in columns
    ]
    words = {10: "ten", 11: "eleven", 15: "fifteen", 16: "sixteen"}
    assert f"lies in {words[many]} tables of the schema" in text
    # That of the indexed files has a digest too, and that of the sessions no column `session_id`.
    assert f"of all {words[len(of_sessions) + 1]} other tables that have any" in text
