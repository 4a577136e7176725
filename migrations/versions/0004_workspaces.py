"""Workspaces: who belongs to them, whom they invite, and the tokens of agents; and removing what is past its time.

Only adds: four tables, the functions that change them, those that remove, and to the news of agents what was removed
before they read it; and a bound to the places that one agent has in a queue. Other functions of before change in what
`supabase db lint` says of them and nothing else. The previous release works on with all of it.
"""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
made_at = "20261122064655"
installs_functions = True

FROZEN = Path(__file__).parents[1] / "frozen" / "0004"


def upgrade() -> None:
    """Make the tables and functions."""
    run(FROZEN / "schema" / "new_tables.sql")
    for file in sorted(FROZEN.glob("*.sql")):
        run(file)
    run(FROZEN / "schema" / "lock_down.sql")


def downgrade() -> None:
    """Remove them: members, invitations and tokens are lost, what agents did stays."""
    for file in bodies_before():
        run(file)
    run(FROZEN / "schema" / "down.sql")


def bodies_before() -> list[Path]:
    """Return the functions that changed here as the revisions before had them."""
    older = [FROZEN.parent / revision for revision in ("0003", "0002", "0001")]
    found = [[folder / file.name for folder in older] for file in sorted(FROZEN.glob("*.sql"))]
    return [
        next(body for body in bodies if body.exists()) for bodies in found if any(map(Path.exists, bodies))
    ]


def run(file: Path) -> None:
    """Run a file of statements exactly as written: on the driver's connection, which takes several at once."""
    statements = file.read_text(encoding="utf-8")
    if op.get_context().as_sql:
        op.get_context().impl.static_output(statements.strip())
    else:
        op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(statements))
