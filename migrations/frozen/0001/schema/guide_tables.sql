-- The deployment guide's four tables, where they do not exist yet. Keys follow in keys.sql.
CREATE TABLE IF NOT EXISTS claude_code_sessions (
    id varchar NOT NULL,
    name varchar NOT NULL,
    description text,
    user_id varchar NOT NULL,
    status varchar DEFAULT 'active',
    created_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS claude_code_agents (
    id varchar NOT NULL,
    session_id varchar NOT NULL,
    name varchar NOT NULL,
    connection_url varchar,
    status varchar DEFAULT 'connected',
    last_activity timestamptz DEFAULT now(),
    created_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS file_locks (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id varchar NOT NULL,
    agent_id varchar NOT NULL,
    file_path varchar NOT NULL,
    operation varchar NOT NULL CHECK (operation IN ('read', 'write', 'delete')),
    expires_at timestamptz NOT NULL,
    created_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS task_progress (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id varchar NOT NULL,
    agent_id varchar NOT NULL,
    task_id varchar NOT NULL,
    status varchar NOT NULL CHECK (status IN ('started', 'in_progress', 'completed', 'failed', 'blocked')),
    -- The guide's type; from 0 to 100.
    -- squawk-ignore prefer-bigint-over-int
    progress_percentage integer
        CHECK (progress_percentage IS NULL OR (progress_percentage >= 0 AND progress_percentage <= 100)),
    message text,
    affected_files jsonb,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);
