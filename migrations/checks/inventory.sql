-- What the migrations made, one line of text for each thing: the same for a database that was empty before, one that
-- adopted the deployment guide's tables, and every release of Postgres. Run it with search_path = public. Lines that
-- begin with "policy" or "grant" are there only where Supabase's roles are.
WITH ours AS (
    SELECT c.oid, c.relname, c.relrowsecurity
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND c.relname IN ('claude_code_sessions', 'claude_code_agents', 'file_locks', 'task_progress', 'tasks',
                        'file_lock_waiters', 'coordination_events', 'file_indexes', 'indexed_files',
                        'plan_analyses', 'plans',
                        'workspaces', 'workspace_members', 'workspace_invitations', 'agent_tokens',
                        'coordination_schema_version')
)
SELECT 'table ' || o.relname AS line FROM ours o
UNION ALL
SELECT 'row level security on ' || o.relname FROM ours o WHERE o.relrowsecurity
UNION ALL
SELECT format('column %s.%s %s', o.relname, a.attname, format_type(a.atttypid, a.atttypmod))
       || CASE WHEN a.attcollation = 'pg_catalog."C"'::regcollation THEN ' collate C' ELSE '' END
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || CASE WHEN a.attidentity <> '' THEN ' identity' ELSE '' END
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM ours o
JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum
UNION ALL
SELECT format('constraint on %s: %s', o.relname, pg_get_constraintdef(c.oid))
FROM ours o JOIN pg_constraint c ON c.conrelid = o.oid AND c.contype IN ('p', 'u', 'f', 'c')
UNION ALL
SELECT 'index ' || pg_get_indexdef(i.indexrelid)
FROM ours o JOIN pg_index i ON i.indrelid = o.oid AND NOT i.indisprimary AND i.indisvalid
UNION ALL
SELECT 'trigger ' || pg_get_triggerdef(t.oid)
FROM ours o JOIN pg_trigger t ON t.tgrelid = o.oid AND NOT t.tgisinternal AND t.tgenabled = 'O'
UNION ALL
SELECT 'sequence ' || s.relname
FROM pg_class s WHERE s.relnamespace = 'public'::regnamespace AND s.relkind = 'S' AND s.relname LIKE 'coordination\_%'
UNION ALL
-- A digest of the body tells an outdated one from the present one.
SELECT format('function %s(%s) security %s, %s, body %s', p.proname, pg_get_function_identity_arguments(p.oid),
              CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END,
              coalesce(array_to_string(p.proconfig, ' '), 'no fixed search_path'),
              left(encode(sha256(convert_to(replace(p.prosrc, E'\r', ''), 'UTF8')), 'hex'), 12))
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'coordination\_%'
UNION ALL
SELECT format('policy %s on %s %s for %s to %s using %s%s', p.polname, o.relname,
              CASE WHEN p.polpermissive THEN 'permits' ELSE 'restricts' END,
              CASE p.polcmd WHEN 'r' THEN 'select' WHEN '*' THEN 'all' ELSE p.polcmd::text END,
              (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r) END, ', ') FROM unnest(p.polroles) r),
              regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g'),
              ' with check ' || pg_get_expr(p.polwithcheck, p.polrelid))
FROM ours o JOIN pg_policy p ON p.polrelid = o.oid AND p.polname LIKE 'coordination\_%'
UNION ALL
SELECT format('grant %s on %s.%s to authenticated', lower(acl.privilege_type), o.relname, a.attname)
FROM ours o
JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN LATERAL aclexplode(a.attacl) acl
JOIN pg_roles r ON r.oid = acl.grantee AND r.rolname = 'authenticated'
WHERE NOT acl.is_grantable
ORDER BY 1
