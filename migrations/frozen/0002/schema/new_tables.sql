-- What is known of a checkout's files, one row a file, and which refresh of it is the one that counts. None refers to
-- the deployment guide's tables by a foreign key, so that its DROP statements keep working.
CREATE TABLE file_indexes (
    workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
    session_id text NOT NULL,
    checkout text NOT NULL,
    finished bigint NOT NULL DEFAULT 0,
    given bigint NOT NULL DEFAULT 0,
    commit_id text NOT NULL DEFAULT '',
    fingerprint text NOT NULL DEFAULT '',
    -- Both count files, of which an index has 200,000 at most.
    -- squawk-ignore prefer-bigint-over-int
    file_count integer NOT NULL DEFAULT 0,
    -- squawk-ignore prefer-bigint-over-int
    with_symbols integer NOT NULL DEFAULT 0,
    refreshed_at timestamptz,
    PRIMARY KEY (workspace_id, session_id, checkout)
);

CREATE TABLE indexed_files (
    workspace_id text COLLATE "C" NOT NULL DEFAULT 'local',
    session_id text NOT NULL,
    checkout text NOT NULL,
    refresh bigint NOT NULL,
    path text COLLATE "C" NOT NULL,
    removed boolean NOT NULL DEFAULT false,
    digest text NOT NULL,
    symbols text[] NOT NULL,
    imports text[] NOT NULL,
    partners text[] NOT NULL,
    weights real[] NOT NULL,
    PRIMARY KEY (workspace_id, session_id, checkout, path, refresh)
);
