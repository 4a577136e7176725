-- What tenants, checkouts, leases and presence add to the four tables. Every column has a default, or is filled by a
-- trigger, so that statements that know the guide's columns alone keep working.
CREATE SEQUENCE coordination_fencing_token AS bigint;

-- From the clock, in milliseconds: greater than all that an earlier copy of this database can have given out.
DO $do$ BEGIN PERFORM setval('coordination_fencing_token', (extract(epoch FROM clock_timestamp()) * 1000)::bigint); END $do$;

ALTER TABLE claude_code_sessions
    ADD COLUMN workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
    ADD COLUMN across_checkouts text NOT NULL DEFAULT 'warn' CHECK (across_checkouts IN ('warn', 'block'));

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
    ADD COLUMN news_seq bigint NOT NULL DEFAULT 0;

ALTER TABLE file_locks
    ADD COLUMN workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
    ADD COLUMN path_key text COLLATE "C",
    ADD COLUMN checkout text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN slot text COLLATE "C" NOT NULL DEFAULT '',
    -- Each adopted lease needs a token of its own, so the table is written anew: once, and it is small.
    -- squawk-ignore adding-field-with-default
    ADD COLUMN fencing_token bigint NOT NULL DEFAULT nextval('coordination_fencing_token'),
    ADD COLUMN granted_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN reason text,
    ADD COLUMN task_id text,
    ADD COLUMN request_id text;

ALTER TABLE task_progress
    ADD COLUMN workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
    ADD COLUMN affected_keys text[];
