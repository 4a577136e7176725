-- Workspaces, who belongs to them, whom they invite, and the tokens of agents. Secrets are kept as their SHA-256 alone.
-- None of these tables refers to another by a foreign key: who has a membership is decided by functions, under the
-- workspace's lock, and a workspace that only rows of local mode know needs no row here.
CREATE TABLE workspaces (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    name text NOT NULL,
    personal_of uuid,
    bootstrapped boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX idx_workspaces_personal_of ON workspaces (personal_of);
-- The first workspace is made once, whoever races.
CREATE UNIQUE INDEX idx_workspaces_bootstrapped ON workspaces (bootstrapped) WHERE bootstrapped;

CREATE TABLE workspace_members (
    workspace_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'member', 'viewer')),
    subject uuid,
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
-- A person is in a workspace under one name.
CREATE UNIQUE INDEX idx_workspace_members_subject ON workspace_members (subject, workspace_id);

CREATE TABLE workspace_invitations (
    workspace_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'member', 'viewer')),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX idx_workspace_invitations_digest ON workspace_invitations (digest);

CREATE TABLE agent_tokens (
    workspace_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C",
    agent_name text COLLATE "C",
    role text CHECK (role IN ('planner', 'implementer')),
    scopes text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'manage'] AND scopes <> '{}'),
    label text NOT NULL DEFAULT '',
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX idx_agent_tokens_digest ON agent_tokens (digest);
CREATE INDEX idx_agent_tokens_user_id ON agent_tokens (workspace_id, user_id);
