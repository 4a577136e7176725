"""The core: sessions, agents, locks, the queue, tasks, progress, events.

Adopts a database in which the deployment guide's SQL already ran: its four tables keep their rows, names and columns
and become a superset. What cannot survive tenants and shared reads goes: keys of one column, UNIQUE(session_id,
file_path), and the foreign keys between the four. The statements lie in `frozen/0001/schema`, the functions as they
were at this revision beside that folder.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
made_at = "20261121153238"
installs_functions = True

FROZEN = Path(__file__).parents[1] / "frozen" / "0001"
BEFORE_FUNCTIONS = ("guide_tables", "adopt_tables", "superset", "new_tables")
AFTER_FUNCTIONS = ("adopt_rows", "keys", "triggers", "lock_down")


def upgrade() -> None:
    """Adopt or create the four tables, add the new ones, and install the functions."""
    for name in BEFORE_FUNCTIONS:
        run(FROZEN / "schema" / f"{name}.sql")
    for file in sorted(FROZEN.glob("*.sql")):
        run(file)
    for name in AFTER_FUNCTIONS:
        run(FROZEN / "schema" / f"{name}.sql")


def downgrade() -> None:
    """Remove the functions and new tables, and leave the deployment guide's four tables with their rows."""
    run(FROZEN / "schema" / "down.sql")


def run(file: Path) -> None:
    """Run a file of statements exactly as written: on the driver's connection, which takes several at once."""
    statements = file.read_text(encoding="utf-8")
    if op.get_context().as_sql:
        op.get_context().impl.static_output(statements.strip())
    else:
        op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(statements))
