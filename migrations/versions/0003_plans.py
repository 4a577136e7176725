"""Plans: analyses of tasks, the plans that were handed out, and what a task knows of its plan.

Only adds: two tables, three columns of tasks, eight functions, an index on messages, to the trigger on sessions that
their rows go too, to reports that a planned task waits its turn and that its planner is told, and to joining that an
agent keeps the planner's role that it took. The previous release works on with all of it.
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
made_at = "20261121223921"
installs_functions = True

FROZEN = Path(__file__).parents[1] / "frozen" / "0003"


def upgrade() -> None:
    """Make the tables, columns, index and functions."""
    run(FROZEN / "schema" / "new_tables.sql")
    for file in sorted(FROZEN.glob("*.sql")):
        run(file)
    run(FROZEN / "schema" / "lock_down.sql")


def downgrade() -> None:
    """Remove them, and leave the functions that changed as the revision before had them."""
    for name in ("join_session", "sync_progress", "take_task"):
        run(FROZEN.parent / "0001" / f"{name}.sql")
    run(FROZEN.parent / "0002" / "delete_session_rows.sql")
    run(FROZEN / "schema" / "down.sql")


def run(file: Path) -> None:
    """Run a file of statements exactly as written: on the driver's connection, which takes several at once."""
    statements = file.read_text(encoding="utf-8")
    if op.get_context().as_sql:
        op.get_context().impl.static_output(statements.strip())
    else:
        op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(statements))
