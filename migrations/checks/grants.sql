-- What PUBLIC, anon and authenticated may do with what the migrations made, and were not given by them; verify.sql is its
-- frame.
SELECT format('open: %s may %s on %s', coalesce(r.rolname, 'PUBLIC'), lower(held.privilege_type), held.name)
FROM (
    SELECT c.relname::text AS name, acl.grantee, acl.privilege_type
    FROM pg_class c
    CROSS JOIN LATERAL aclexplode(c.relacl) acl
    WHERE c.relnamespace = 'public'::regnamespace
      AND c.relname IN (SELECT split_part(e, ' ', 2) FROM unnest(v_expected) e WHERE e ~ '^(table|sequence) '
                        UNION ALL SELECT 'file_lock_waiters_ticket_seq')
    UNION ALL
    SELECT a.attrelid::regclass || '.' || a.attname, acl.grantee, acl.privilege_type
    FROM pg_attribute a
    CROSS JOIN LATERAL aclexplode(a.attacl) acl
    WHERE a.attrelid IN (SELECT to_regclass(split_part(e, ' ', 2)) FROM unnest(v_expected) e WHERE e LIKE 'table %')
    UNION ALL
    SELECT p.proname, acl.grantee, acl.privilege_type
    FROM pg_proc p
    CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
    WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'coordination\_%'
) held
LEFT JOIN pg_roles r ON r.oid = held.grantee
WHERE (held.grantee = 0 OR r.rolname IN ('anon', 'authenticated'))
  AND format('grant %s on %s to %s', lower(held.privilege_type), held.name, r.rolname) <> ALL (v_expected)
ORDER BY 1
