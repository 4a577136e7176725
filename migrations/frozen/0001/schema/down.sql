-- Back to what the deployment guide created. Its four tables keep their rows, as far as its keys can hold them: what
-- only tenants and shared reads allow is removed first. A table that was dropped meanwhile (the guide's own rollback)
-- stays dropped.
DROP TRIGGER IF EXISTS coordination_delete_session_rows ON claude_code_sessions;
DROP TRIGGER IF EXISTS coordination_complete_file_lock ON file_locks;

DO $do$
DECLARE
    v_function text;
BEGIN
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'coordination\_%'
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_function);
    END LOOP;
END
$do$;

DROP TABLE IF EXISTS coordination_events, file_lock_waiters, tasks;

DO $do$
DECLARE
    v_ours text[] := ARRAY(
        SELECT a.attrelid::regclass::text FROM pg_attribute a
        WHERE a.attname = 'workspace_id' AND NOT a.attisdropped
          AND a.attrelid IN (to_regclass('claude_code_sessions'), to_regclass('claude_code_agents'),
                             to_regclass('file_locks'), to_regclass('task_progress')));
    v_name text;
BEGIN
    IF 'claude_code_sessions' = ANY (v_ours) THEN
        DELETE FROM claude_code_sessions WHERE workspace_id <> 'local';
        ALTER TABLE claude_code_sessions
            DROP CONSTRAINT claude_code_sessions_pkey, DROP COLUMN workspace_id, DROP COLUMN across_checkouts,
            ADD PRIMARY KEY (id);
    END IF;
    IF 'claude_code_agents' = ANY (v_ours) THEN
        DELETE FROM claude_code_agents WHERE workspace_id <> 'local';
        -- The guide's agent ids are unique; ours are so inside their session.
        UPDATE claude_code_agents a SET id = a.session_id || ':' || a.id
        WHERE EXISTS (SELECT FROM claude_code_agents b WHERE b.id = a.id AND b.session_id <> a.session_id);
        DROP INDEX IF EXISTS idx_claude_code_agents_checkout;
        ALTER TABLE claude_code_agents
            DROP CONSTRAINT claude_code_agents_pkey, DROP COLUMN workspace_id, DROP COLUMN user_id, DROP COLUMN role,
            DROP COLUMN client, DROP COLUMN checkout, DROP COLUMN checkout_root, DROP COLUMN terminals,
            DROP COLUMN tools_listed_at, DROP COLUMN tools_called_at, DROP COLUMN news_seq,
            ADD PRIMARY KEY (id);
    END IF;
    IF 'file_locks' = ANY (v_ours) THEN
        DELETE FROM file_locks WHERE workspace_id <> 'local';
        -- One lock for each path: the one that ends last.
        DELETE FROM file_locks l USING file_locks better
        WHERE l.session_id = better.session_id AND l.file_path = better.file_path
          AND (l.expires_at, l.id) < (better.expires_at, better.id);
        DROP INDEX IF EXISTS idx_file_locks_session_id;
        ALTER TABLE file_locks
            DROP CONSTRAINT file_locks_pkey, DROP COLUMN workspace_id, DROP COLUMN path_key, DROP COLUMN checkout,
            DROP COLUMN slot, DROP COLUMN fencing_token, DROP COLUMN granted_at, DROP COLUMN reason,
            DROP COLUMN task_id, DROP COLUMN request_id,
            ADD PRIMARY KEY (id), ADD UNIQUE (session_id, file_path);
        CREATE INDEX idx_file_locks_session_id ON file_locks (session_id);
    END IF;
    IF 'task_progress' = ANY (v_ours) THEN
        DELETE FROM task_progress WHERE workspace_id <> 'local';
        ALTER TABLE task_progress
            DROP CONSTRAINT task_progress_pkey, DROP COLUMN workspace_id, DROP COLUMN affected_keys,
            ADD PRIMARY KEY (id), ADD UNIQUE (session_id, agent_id, task_id);
    END IF;
    FOREACH v_name IN ARRAY v_ours LOOP
        -- A policy says that somebody switched row level security on before us.
        IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = v_name::regclass) THEN
            EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', v_name);
        END IF;
        CONTINUE WHEN v_name = 'claude_code_sessions';
        EXECUTE format('DELETE FROM %I t WHERE NOT EXISTS (SELECT FROM claude_code_sessions s WHERE s.id = t.session_id)',
            v_name);
        EXECUTE format('ALTER TABLE %I ADD FOREIGN KEY (session_id) REFERENCES claude_code_sessions (id) ON DELETE CASCADE',
            v_name);
    END LOOP;
END
$do$;

DROP SEQUENCE IF EXISTS coordination_fencing_token;
