"""The file index: what is known of the files of a session's checkouts.

Only adds: two tables, three functions, and to the trigger on sessions that their rows go too. The previous release
works on with all of it.
"""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
made_at = "20261121222658"
installs_functions = True

FROZEN = Path(__file__).parents[1] / "frozen" / "0002"


def upgrade() -> None:
    """Make the tables and functions."""
    run(FROZEN / "schema" / "new_tables.sql")
    for file in sorted(FROZEN.glob("*.sql")):
        run(file)
    run(FROZEN / "schema" / "lock_down.sql")


def downgrade() -> None:
    """Remove them, and leave the trigger's function as the revision before had it."""
    run(FROZEN.parent / "0001" / "delete_session_rows.sql")
    run(FROZEN / "schema" / "down.sql")


def run(file: Path) -> None:
    """Run a file of statements exactly as written: on the driver's connection, which takes several at once."""
    statements = file.read_text(encoding="utf-8")
    if op.get_context().as_sql:
        op.get_context().impl.static_output(statements.strip())
    else:
        op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(statements))
