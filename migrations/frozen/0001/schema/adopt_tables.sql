-- Make the four tables ready: an owner that is subject to row level security would not see the rows to adopt, and
-- paths are compared in Unicode. Then the guide's keys of one column and its foreign keys go, whatever they are
-- called here; keys that somebody added stay.
ALTER TABLE claude_code_sessions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE claude_code_agents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE file_locks NO FORCE ROW LEVEL SECURITY;
ALTER TABLE task_progress NO FORCE ROW LEVEL SECURITY;

DO $do$
DECLARE
    v_key record;
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'this database is encoded in %, and paths of any language need UTF8',
            current_setting('server_encoding')
            USING ERRCODE = 'feature_not_supported', HINT = 'Create a database WITH ENCODING ''UTF8'' TEMPLATE template0.';
    END IF;
    FOR v_key IN
        SELECT c.conrelid::regclass AS owner, c.conname
        FROM pg_constraint c
        WHERE c.conrelid IN ('claude_code_sessions'::regclass, 'claude_code_agents'::regclass,
                             'file_locks'::regclass, 'task_progress'::regclass)
          AND (c.contype = 'p'
               OR c.contype = 'f' AND c.confrelid = 'claude_code_sessions'::regclass
               OR c.contype = 'u' AND ARRAY(
                      SELECT a.attname::text FROM pg_attribute a
                      WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) ORDER BY a.attname::text COLLATE "C")
                  IN (ARRAY['file_path', 'session_id'], ARRAY['agent_id', 'session_id', 'task_id']))
        ORDER BY c.contype  -- f before p: a foreign key depends on the key that it points to
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', v_key.owner, v_key.conname);
    END LOOP;
END
$do$;
