-- Where Supabase's roles are, and auth.uid() with them: whoever is logged in reads the rows of the workspaces of which he
-- is a member, and writes nothing; that is what the service is for. Whoever is not logged in reads nothing. Elsewhere
-- this does nothing; it can be run again when the roles have come.
-- Two policies for each table. One lets members read. The other confines every policy that anybody else made or will
-- make, before us on the deployment guide's tables for example: PostgreSQL takes them all together, and one that says
-- "true" would open the table to every tenant.
-- A member is known by workspace_members, whose own policy looks at nothing but the row: one that looked at the table
-- again would never end. So everybody reads his own memberships; the list of the others is the service's to give.
-- Only the columns that are named here are granted. Not among them: digests of secrets, addresses with credentials, and
-- what a call gives its own lease back by.
DO $do$
DECLARE
    v_mine constant text := 'SELECT m.workspace_id FROM public.workspace_members m WHERE m.subject = (SELECT auth.uid())';
    v_members constant text := format('workspace_id = ANY (ARRAY(%s))', v_mine);
    v_owners constant text := format('workspace_id = ANY (ARRAY(%s AND m.role = ''owner''))', v_mine);
    v_table text;
    v_readers text;
    v_columns text;
BEGIN
    IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('anon', 'authenticated')) < 2 OR NOT EXISTS (
        SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'auth' AND p.proname = 'uid' AND p.pronargs = 0 AND has_schema_privilege(n.oid, 'USAGE')
    ) THEN
        RETURN;
    END IF;
    FOR v_table, v_readers, v_columns IN VALUES
        ('workspaces', format('id = ANY (ARRAY(%s))', v_mine), 'id, name, personal_of, bootstrapped, created_at'),
        ('workspace_members', 'subject = (SELECT auth.uid())', 'workspace_id, user_id, role, subject, joined_at'),
        ('workspace_invitations', v_owners, 'workspace_id, id, user_id, role, created_by, created_at, expires_at'),
        ('agent_tokens',
         v_owners || ' OR (workspace_id, user_id) IN (SELECT m.workspace_id, m.user_id FROM public.workspace_members m'
                  || ' WHERE m.subject = (SELECT auth.uid()))',
         'workspace_id, id, user_id, session_id, agent_name, role, scopes, label, created_by, created_at, expires_at,'
         ' last_used_at, revoked_at'),
        ('claude_code_sessions', v_members,
         'workspace_id, id, name, description, user_id, status, across_checkouts, created_at'),
        ('claude_code_agents', v_members,
         'workspace_id, session_id, id, name, user_id, status, role, client, checkout, checkout_root, last_activity,'
         ' tools_listed_at, tools_called_at, news_seq, created_at'),
        ('file_locks', v_members,
         'workspace_id, id, session_id, agent_id, file_path, path_key, checkout, slot, operation, fencing_token,'
         ' granted_at, expires_at, reason, task_id, created_at'),
        ('task_progress', v_members,
         'workspace_id, id, session_id, agent_id, task_id, status, progress_percentage, message, affected_files,'
         ' affected_keys, created_at, updated_at'),
        ('tasks', v_members,
         'workspace_id, session_id, id, description, status, agent_id, taken_at, assigned_to, depends_on, position,'
         ' created_at, updated_at, plan_revision, files, work'),
        ('file_lock_waiters', v_members,
         'ticket, workspace_id, session_id, agent_id, checkout, operation, paths, path_keys, queued_at, refreshed_at,'
         ' parked_until'),
        ('coordination_events', v_members,
         'workspace_id, session_id, seq, agent_id, kind, payload, concerns, created_at'),
        ('file_indexes', v_members,
         'workspace_id, session_id, checkout, finished, given, commit_id, fingerprint, file_count, with_symbols,'
         ' refreshed_at'),
        ('indexed_files', v_members,
         'workspace_id, session_id, checkout, refresh, path, removed, digest, symbols, imports, partners, weights'),
        ('plan_analyses', v_members, 'workspace_id, session_id, id, agent_id, analysis, created_at'),
        ('plans', v_members,
         'workspace_id, session_id, revision, analysis_id, agent_count, agent_id, created_at, handed_out')
    LOOP
        EXECUTE format('REVOKE ALL ON public.%I FROM anon, authenticated', v_table);
        EXECUTE format('DROP POLICY IF EXISTS coordination_read ON public.%I', v_table);
        EXECUTE format('DROP POLICY IF EXISTS coordination_confine ON public.%I', v_table);
        EXECUTE format('CREATE POLICY coordination_read ON public.%I FOR SELECT TO authenticated USING (%s)',
                       v_table, v_readers);
        EXECUTE format('CREATE POLICY coordination_confine ON public.%I AS RESTRICTIVE TO authenticated USING (%s)',
                       v_table, v_readers);
        EXECUTE format('GRANT SELECT (%s) ON public.%I TO authenticated', v_columns, v_table);
    END LOOP;
END
$do$;
-- Where Supabase's Realtime is too: whoever is logged in receives what is broadcast of the sessions of his workspaces, on
-- private channels of the topic coordination:<workspace>:<session>, and sends nothing there. The confining ones hold
-- whatever other policies of the project allow, and let every other topic alone. Where the owner of the messages lets
-- nobody make policies, nothing is broadcast: the service looks for `coordination_confine` first.
DO $do$
DECLARE
    v_ours constant text := 'split_part(coalesce((SELECT realtime.topic()), ''''), '':'', 1) = ''coordination''';
    v_member constant text := 'split_part((SELECT realtime.topic()), '':'', 2) = ANY (ARRAY(SELECT m.workspace_id'
        ' FROM public.workspace_members m WHERE m.subject = (SELECT auth.uid())))';
    v_name text;
BEGIN
    IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('anon', 'authenticated')) < 2 OR (
        SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE (n.nspname, p.proname) IN (('auth', 'uid'), ('realtime', 'topic')) AND p.pronargs = 0
          AND has_schema_privilege(n.oid, 'USAGE')
    ) < 2 OR NOT EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'realtime' AND c.relname = 'messages'
    ) THEN
        RETURN;
    END IF;
    FOREACH v_name IN ARRAY ARRAY['read', 'confine', 'confine_sending', 'confine_anonymous'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS %I ON realtime.messages', 'coordination_' || v_name);
    END LOOP;
    EXECUTE format('CREATE POLICY coordination_read ON realtime.messages FOR SELECT TO authenticated'
                   ' USING (extension = ''broadcast'' AND %s AND %s)', v_ours, v_member);
    EXECUTE format('CREATE POLICY coordination_confine ON realtime.messages AS RESTRICTIVE FOR SELECT TO authenticated'
                   ' USING (NOT (%s) OR %s)', v_ours, v_member);
    EXECUTE format('CREATE POLICY coordination_confine_sending ON realtime.messages AS RESTRICTIVE FOR INSERT'
                   ' TO authenticated WITH CHECK (NOT (%s))', v_ours);
    EXECUTE format('CREATE POLICY coordination_confine_anonymous ON realtime.messages AS RESTRICTIVE TO anon'
                   ' USING (NOT (%s))', v_ours);
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'Without a right to make policies on realtime.messages nothing is broadcast.';
END
$do$;
