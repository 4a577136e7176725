-- Supabase serves the schema public to the roles anon and authenticated, and older projects grant them everything by
-- default. Nothing of ours is for them, nor for PUBLIC: row level security without a policy, and no grant.
DO $do$
DECLARE
    v_tables text[] := ARRAY['claude_code_sessions', 'claude_code_agents', 'file_locks', 'task_progress', 'tasks',
                             'file_lock_waiters', 'coordination_events', 'coordination_schema_version'];
    v_owned text;
    v_role text;
BEGIN
    FOREACH v_owned IN ARRAY v_tables LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_owned);
    END LOOP;
    FOR v_role IN
        SELECT 'PUBLIC' UNION ALL SELECT quote_ident(rolname) FROM pg_roles WHERE rolname IN ('anon', 'authenticated')
    LOOP
        FOR v_owned IN
            SELECT format('TABLE %I', t) FROM unnest(v_tables) t
            UNION ALL
            SELECT format('SEQUENCE %s', s) FROM unnest(ARRAY['coordination_fencing_token',
                pg_get_serial_sequence('file_lock_waiters', 'ticket')]) s
            UNION ALL
            SELECT format('FUNCTION %s', p.oid::regprocedure) FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'coordination\_%'
        LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %s', v_owned, v_role);
        END LOOP;
    END LOOP;
END
$do$;
