"""Who reads what through Supabase's API: policies and column grants for the roles that it serves `public` by.

Only adds, and only where those roles and `auth.uid()` are; elsewhere the revision is recorded and nothing changes. The
previous release works on with all of it: the owner of the tables is not subject to policies. Where the roles came
later, `coord doctor` says so and `coord migrate` applies the same file again.
"""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
made_at = "20261122065448"

FROZEN = Path(__file__).parents[1] / "frozen" / "0005"


def upgrade() -> None:
    """Make the policies and grants."""
    run(FROZEN / "schema" / "policies.sql")


def downgrade() -> None:
    """Remove them."""
    run(FROZEN / "schema" / "down.sql")


def run(file: Path) -> None:
    """Run a file of statements exactly as written: on the driver's connection, which takes several at once."""
    statements = file.read_text(encoding="utf-8")
    if op.get_context().as_sql:
        op.get_context().impl.static_output(statements.strip())
    else:
        op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(statements))
