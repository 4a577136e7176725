"""The core: sessions, agents, locks, the queue, tasks, progress, events.

Adopts a database in which the deployment guide's SQL already ran: its four tables keep their rows, names and columns
and become a superset. What cannot survive tenants and shared reads goes: keys of one column, UNIQUE(session_id,
file_path), and the foreign keys between the four (a trigger on sessions stands in for ON DELETE CASCADE).
"""

from collections.abc import Iterator
from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FROZEN = Path(__file__).parents[1] / "frozen" / "0001"

GUIDE_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS claude_code_sessions (
        id varchar NOT NULL,
        name varchar NOT NULL,
        description text,
        user_id varchar NOT NULL,
        status varchar DEFAULT 'active',
        created_at timestamptz DEFAULT now()
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS claude_code_agents (
        id varchar NOT NULL,
        session_id varchar NOT NULL,
        name varchar NOT NULL,
        connection_url varchar,
        status varchar DEFAULT 'connected',
        last_activity timestamptz DEFAULT now(),
        created_at timestamptz DEFAULT now()
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS file_locks (
        id uuid NOT NULL DEFAULT gen_random_uuid(),
        session_id varchar NOT NULL,
        agent_id varchar NOT NULL,
        file_path varchar NOT NULL,
        operation varchar NOT NULL CHECK (operation IN ('read', 'write', 'delete')),
        expires_at timestamptz NOT NULL,
        created_at timestamptz DEFAULT now()
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS task_progress (
        id uuid NOT NULL DEFAULT gen_random_uuid(),
        session_id varchar NOT NULL,
        agent_id varchar NOT NULL,
        task_id varchar NOT NULL,
        status varchar NOT NULL CHECK (status IN ('started', 'in_progress', 'completed', 'failed', 'blocked')),
        progress_percentage integer
            CHECK (progress_percentage IS NULL OR (progress_percentage >= 0 AND progress_percentage <= 100)),
        message text,
        affected_files jsonb,
        created_at timestamptz DEFAULT now(),
        updated_at timestamptz DEFAULT now()
    )
    """,
)

# The guide's keys of one column and its foreign keys, whatever their names are in this database.
DROP_GUIDE_KEYS = """
    DO $do$
    DECLARE
        v_key record;
    BEGIN
        FOR v_key IN
            SELECT c.conrelid::regclass AS owner, c.conname
            FROM pg_constraint c
            WHERE c.contype IN ('p', 'u', 'f')
              AND c.conrelid IN ('claude_code_sessions'::regclass, 'claude_code_agents'::regclass,
                                 'file_locks'::regclass, 'task_progress'::regclass)
            ORDER BY c.contype  -- f before p: a foreign key depends on the key that it points to
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', v_key.owner, v_key.conname);
        END LOOP;
    END
    $do$
"""

SUPERSET = (
    """
    ALTER TABLE claude_code_sessions
        ADD COLUMN workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
        ADD COLUMN across_checkouts text NOT NULL DEFAULT 'warn' CHECK (across_checkouts IN ('warn', 'block')),
        ADD PRIMARY KEY (workspace_id, id)
    """,
    """
    ALTER TABLE claude_code_agents
        ADD COLUMN workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
        ADD COLUMN user_id varchar,
        ADD COLUMN role text NOT NULL DEFAULT 'implementer' CHECK (role IN ('planner', 'implementer')),
        ADD COLUMN client text,
        ADD COLUMN checkout text NOT NULL DEFAULT '',
        ADD COLUMN checkout_root text,
        ADD COLUMN terminals jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN tools_listed_at timestamptz,
        ADD COLUMN tools_called_at timestamptz,
        ADD COLUMN news_seq bigint NOT NULL DEFAULT 0,
        ADD PRIMARY KEY (workspace_id, session_id, id)
    """,
    """
    UPDATE claude_code_agents a SET user_id = s.user_id
    FROM claude_code_sessions s WHERE s.workspace_id = a.workspace_id AND s.id = a.session_id
    """,
    "UPDATE claude_code_agents SET last_activity = coalesce(created_at, now()) WHERE last_activity IS NULL",
    "UPDATE claude_code_agents SET status = 'connected' WHERE status IS NULL",
    "UPDATE claude_code_sessions SET status = 'active' WHERE status IS NULL",
    # A lease may not outlive the longest that can be claimed; the guide's rows have no such limit and keep theirs.
    "CREATE SEQUENCE coordination_fencing_token AS bigint",
    """
    ALTER TABLE file_locks
        ADD COLUMN workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
        ADD COLUMN path_key text COLLATE "C",
        ADD COLUMN checkout text COLLATE "C" NOT NULL DEFAULT '',
        ADD COLUMN slot text COLLATE "C" NOT NULL DEFAULT '',
        ADD COLUMN fencing_token bigint,
        ADD COLUMN granted_at timestamptz,
        ADD COLUMN reason text,
        ADD COLUMN task_id text
    """,
    # Adopted rows: the key approximates domain/path.py in SQL; a slot of their own keeps them apart where two
    # spellings of one file were locked. They conflict like any lease and end like any lease.
    """
    UPDATE file_locks SET
        path_key = CASE WHEN file_path ~ '^[./*]*$' THEN ''
                        ELSE lower(normalize(regexp_replace(regexp_replace(
                            regexp_replace(file_path, '/+', '/', 'g'), '^(\\./)+', ''), '(/\\*\\*)?/*$', ''), NFC)) END,
        slot = 'adopted:' || id,
        fencing_token = nextval('coordination_fencing_token'),
        granted_at = coalesce(created_at, now())
    """,
    """
    ALTER TABLE file_locks
        ALTER COLUMN path_key SET NOT NULL,
        ALTER COLUMN fencing_token SET NOT NULL,
        ALTER COLUMN granted_at SET NOT NULL,
        ADD PRIMARY KEY (workspace_id, session_id, path_key, checkout, slot)
    """,
    """
    ALTER TABLE task_progress
        ADD COLUMN workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
        ADD COLUMN affected_keys text[],
        ADD PRIMARY KEY (workspace_id, session_id, agent_id, task_id)
    """,
)

NEW_TABLES = (
    """
    CREATE TABLE tasks (
        workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
        session_id text NOT NULL,
        id text NOT NULL,
        description text,
        status text NOT NULL DEFAULT 'pending'
            CHECK (status IN ('pending', 'started', 'in_progress', 'completed', 'failed', 'blocked')),
        agent_id text,
        taken_at timestamptz,
        assigned_to text,
        depends_on text[] NOT NULL DEFAULT '{}',
        position integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (workspace_id, session_id, id)
    )
    """,
    """
    CREATE TABLE file_lock_waiters (
        ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
        session_id text NOT NULL,
        agent_id text NOT NULL,
        checkout text NOT NULL,
        operation text NOT NULL CHECK (operation IN ('read', 'write', 'delete')),
        paths text[] NOT NULL,
        path_keys text[] NOT NULL,
        probe text[] NOT NULL,
        range_low text[] NOT NULL,
        range_high text[] NOT NULL,
        queued_at timestamptz NOT NULL,
        refreshed_at timestamptz NOT NULL,
        parked_until timestamptz
    )
    """,
    """
    CREATE TABLE coordination_events (
        workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
        session_id text NOT NULL,
        seq bigint NOT NULL,
        agent_id text,
        kind text NOT NULL,
        payload jsonb NOT NULL,
        concerns text[] NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (workspace_id, session_id, seq)
    )
    """,
)

INDEXES = (
    "DROP INDEX IF EXISTS idx_claude_code_agents_session_id",
    "DROP INDEX IF EXISTS idx_file_locks_session_id",
    "DROP INDEX IF EXISTS idx_file_locks_expires_at",
    "DROP INDEX IF EXISTS idx_task_progress_session_id",
    "DROP INDEX IF EXISTS idx_task_progress_updated_at",
    "CREATE INDEX idx_claude_code_agents_session_id ON claude_code_agents (session_id)",
    "CREATE INDEX idx_claude_code_agents_checkout ON claude_code_agents (workspace_id, checkout) WHERE checkout <> ''",
    "CREATE INDEX idx_file_locks_session_id ON file_locks (workspace_id, session_id, agent_id)",
    "CREATE INDEX idx_file_locks_expires_at ON file_locks (expires_at)",
    "CREATE INDEX idx_task_progress_session_id ON task_progress (session_id)",
    "CREATE INDEX idx_task_progress_updated_at ON task_progress (updated_at)",
    "CREATE INDEX idx_file_lock_waiters_session_id ON file_lock_waiters (workspace_id, session_id, agent_id)",
    "CREATE INDEX idx_tasks_agent_id ON tasks (workspace_id, session_id, agent_id)",
)

TRIGGER = """
    CREATE TRIGGER coordination_delete_session_rows AFTER DELETE ON claude_code_sessions
    FOR EACH ROW EXECUTE FUNCTION coordination_delete_session_rows()
"""

TABLES = (
    "claude_code_sessions",
    "claude_code_agents",
    "file_locks",
    "task_progress",
    "tasks",
    "file_lock_waiters",
    "coordination_events",
)

# Supabase exposes the schema `public` to its roles; there, and for PUBLIC everywhere, nothing is granted.
LOCK_DOWN = """
    DO $do$
    DECLARE
        v_name text;
        v_role text;
    BEGIN
        FOR v_name IN SELECT unnest(ARRAY[{tables}]) LOOP
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_name);
            EXECUTE format('REVOKE ALL ON TABLE %I FROM PUBLIC', v_name);
            FOR v_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
                EXECUTE format('REVOKE ALL ON TABLE %I FROM %I', v_name, v_role);
            END LOOP;
        END LOOP;
        FOR v_name IN SELECT p.oid::regprocedure::text FROM pg_proc p
                      WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'coordination\\_%' LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_name);
            FOR v_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
                EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %I', v_name, v_role);
            END LOOP;
        END LOOP;
        FOR v_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
            EXECUTE format('REVOKE ALL ON SEQUENCE coordination_fencing_token FROM %I', v_role);
        END LOOP;
    END
    $do$
"""

UNLOCK_GUIDE_TABLES = tuple(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY" for table in TABLES[:4])

# Back to what the deployment guide created. Rows stay; what only tenants and shared reads allow is removed first.
DOWN = (
    "DROP TRIGGER IF EXISTS coordination_delete_session_rows ON claude_code_sessions",
    "DROP TABLE IF EXISTS coordination_events, file_lock_waiters, tasks",
    "DELETE FROM claude_code_sessions WHERE workspace_id <> 'local'",
    "DELETE FROM claude_code_agents WHERE workspace_id <> 'local'",
    "DELETE FROM file_locks WHERE workspace_id <> 'local'",
    "DELETE FROM task_progress WHERE workspace_id <> 'local'",
    # One lock for each path: the one that ends last. Agents' ids become unique by naming their session.
    """
    DELETE FROM file_locks l USING file_locks better
    WHERE l.session_id = better.session_id AND l.file_path = better.file_path
      AND (l.expires_at, l.id) < (better.expires_at, better.id)
    """,
    """
    UPDATE claude_code_agents a SET id = a.session_id || ':' || a.id
    WHERE EXISTS (SELECT FROM claude_code_agents b WHERE b.id = a.id AND b.session_id <> a.session_id)
    """,
    "DROP INDEX IF EXISTS idx_claude_code_agents_checkout",
    "DROP INDEX IF EXISTS idx_file_locks_session_id",
    """
    ALTER TABLE task_progress
        DROP CONSTRAINT task_progress_pkey, DROP COLUMN workspace_id, DROP COLUMN affected_keys,
        ADD PRIMARY KEY (id), ADD UNIQUE (session_id, agent_id, task_id)
    """,
    """
    ALTER TABLE file_locks
        DROP CONSTRAINT file_locks_pkey, DROP COLUMN workspace_id, DROP COLUMN path_key, DROP COLUMN checkout,
        DROP COLUMN slot, DROP COLUMN fencing_token, DROP COLUMN granted_at, DROP COLUMN reason, DROP COLUMN task_id,
        ADD PRIMARY KEY (id), ADD UNIQUE (session_id, file_path)
    """,
    """
    ALTER TABLE claude_code_agents
        DROP CONSTRAINT claude_code_agents_pkey, DROP COLUMN workspace_id, DROP COLUMN user_id, DROP COLUMN role,
        DROP COLUMN client, DROP COLUMN checkout, DROP COLUMN checkout_root, DROP COLUMN terminals,
        DROP COLUMN tools_listed_at, DROP COLUMN tools_called_at, DROP COLUMN news_seq, ADD PRIMARY KEY (id)
    """,
    """
    ALTER TABLE claude_code_sessions
        DROP CONSTRAINT claude_code_sessions_pkey, DROP COLUMN workspace_id, DROP COLUMN across_checkouts,
        ADD PRIMARY KEY (id)
    """,
    *(
        f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT FROM claude_code_sessions s WHERE s.id = t.session_id)"
        for table in TABLES[1:4]
    ),
    *(
        f"""
        ALTER TABLE {table}
            ADD FOREIGN KEY (session_id) REFERENCES claude_code_sessions (id) ON DELETE CASCADE
        """
        for table in TABLES[1:4]
    ),
    "CREATE INDEX idx_file_locks_session_id ON file_locks (session_id)",
    "DROP SEQUENCE IF EXISTS coordination_fencing_token",
)


def frozen_functions() -> Iterator[str]:
    """Yield each function definition of this revision, in the order of file names."""
    for file in sorted(FROZEN.glob("*.sql")):
        yield file.read_text(encoding="utf-8")


def upgrade() -> None:
    """Adopt or create the four tables, add the new ones, and install the functions."""
    for statement in (
        *GUIDE_TABLES,
        DROP_GUIDE_KEYS,
        *SUPERSET,
        *NEW_TABLES,
        *INDEXES,
        *frozen_functions(),
        TRIGGER,
    ):
        run(statement)
    run(LOCK_DOWN.format(tables=", ".join(f"'{table}'" for table in TABLES)))


def downgrade() -> None:
    """Remove the functions and new tables, and leave the deployment guide's four tables with their rows."""
    run(
        """
        DO $do$
        DECLARE
            v_name text;
        BEGIN
            FOR v_name IN SELECT p.oid::regprocedure::text FROM pg_proc p
                          WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'coordination\\_%' LOOP
                EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', v_name);
            END LOOP;
        END
        $do$
        """
    )
    for statement in (*DOWN, *UNLOCK_GUIDE_TABLES):
        run(statement)


def run(statement: str) -> None:
    """Execute one statement exactly as written: a colon in it is never a bind parameter."""
    op.get_bind().exec_driver_sql(statement) if not op.get_context().as_sql else op.execute(statement)
