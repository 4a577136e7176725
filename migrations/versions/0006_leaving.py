"""Leaving: an agent leaves its session with all that it holds, and joins under a name that no other terminal has.

Only adds two functions, and to two others what an agent that left means to them. The previous release works on with all
of it: whoever left is to it an agent that is not connected, as after the end of a session.
"""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
made_at = "20261122094500"
installs_functions = True

FROZEN = Path(__file__).parents[1] / "frozen" / "0006"


def upgrade() -> None:
    """Make the functions."""
    for file in sorted(FROZEN.glob("*.sql")):
        run(file)
    run(FROZEN / "schema" / "lock_down.sql")


def downgrade() -> None:
    """Remove them; who left stays away until it acts again."""
    for file in bodies_before():
        run(file)
    run(FROZEN / "schema" / "down.sql")


def bodies_before() -> list[Path]:
    """Return the functions that changed here as the revisions before had them."""
    older = [FROZEN.parent / revision for revision in ("0004", "0003", "0002", "0001")]
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
