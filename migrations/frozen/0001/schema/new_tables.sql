-- Tables that the deployment guide does not know. None refers to the four by a foreign key, so that its DROP
-- statements keep working; a trigger on sessions stands in for ON DELETE CASCADE.
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
    -- A place among at most a hundred tasks.
    -- squawk-ignore prefer-bigint-over-int
    position integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, session_id, id)
);

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
    parked_until timestamptz,
    request_ids text[] NOT NULL DEFAULT '{}'
);

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
);
