-- Analyses and the plans that were made of them. None refers to the deployment guide's tables by a foreign key, so that
-- its DROP statements keep working.
CREATE TABLE plan_analyses (
    workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
    session_id text NOT NULL,
    id text NOT NULL,
    agent_id text NOT NULL,
    analysis jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, session_id, id)
);

CREATE TABLE plans (
    workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
    session_id text NOT NULL,
    -- Plans of one session are made by hand, for at most twenty agents.
    -- squawk-ignore prefer-bigint-over-int
    revision integer NOT NULL,
    analysis_id text NOT NULL,
    -- squawk-ignore prefer-bigint-over-int
    agent_count integer NOT NULL,
    agent_id text NOT NULL,
    created_at timestamptz NOT NULL,
    handed_out jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (workspace_id, session_id, revision)
);

ALTER TABLE tasks
    -- squawk-ignore prefer-bigint-over-int
    ADD COLUMN plan_revision integer,
    ADD COLUMN files text[] NOT NULL DEFAULT '{}',
    ADD COLUMN work real;

-- Messages are few among the events, and are read by themselves.
CREATE INDEX idx_coordination_events_messages ON coordination_events (workspace_id, session_id, seq)
WHERE kind = 'message.sent';
