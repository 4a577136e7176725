-- As for the tables and functions before: row level security without a policy, and no grant to anybody.
DO $do$
DECLARE
    v_tables text[] := ARRAY['workspaces', 'workspace_members', 'workspace_invitations', 'agent_tokens'];
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
            SELECT format('FUNCTION %s', p.oid::regprocedure) FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'coordination\_%'
        LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %s', v_owned, v_role);
        END LOOP;
    END LOOP;
END
$do$;
