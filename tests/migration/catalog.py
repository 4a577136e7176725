"""What a database's schema `public` holds, as comparable lines read from the system catalogs.

It knows nothing of the migrations, so that two databases can be compared that came about in different ways. The
order of columns is left out: adopted tables have the guide's first, as fresh ones do, but what was dropped shows.
"""

import asyncpg

LINES = """
SELECT format('relation %s %s rls=%s forced=%s acl=%s', c.relkind, c.relname, c.relrowsecurity, c.relforcerowsecurity,
              (SELECT array_agg(acl.item::text ORDER BY acl.item::text)
               FROM unnest(coalesce(c.relacl, acldefault(
                   CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) AS acl(item))) AS line
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S', 'v', 'm', 'p', 'f')
UNION ALL
SELECT format('column %s.%s %s collation=%s notnull=%s identity=%s default=%s acl=%s', c.relname, a.attname,
              format_type(a.atttypid, a.atttypmod), o.collname, a.attnotnull, a.attidentity,
              pg_get_expr(d.adbin, d.adrelid), a.attacl)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation o ON o.oid = a.attcollation
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'c')
UNION ALL
SELECT format('constraint %s %s %s validated=%s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid),
              k.convalidated)
FROM pg_constraint k WHERE k.connamespace = 'public'::regnamespace
UNION ALL
SELECT format('index %s valid=%s', pg_get_indexdef(i.indexrelid), i.indisvalid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT format('trigger %s %s', pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT format('function %s %s', pg_get_functiondef(p.oid), p.proacl)
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prokind <> 'a'
UNION ALL
SELECT format('type %s', t.oid::regtype) FROM pg_type t
WHERE t.typnamespace = 'public'::regnamespace AND t.typtype <> 'c' AND t.typelem = 0
UNION ALL
SELECT format('policy %s on %s permissive=%s command=%s roles=%s using=%s check=%s', p.polname, p.polrelid::regclass,
              p.polpermissive, p.polcmd, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid),
              pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p
UNION ALL
SELECT format('extension %s', e.extname) FROM pg_extension e
UNION ALL
SELECT format('schema %s', n.nspname) FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\\_%'
ORDER BY 1
"""


async def catalog(dsn: str) -> list[str]:
    """Every table, column, constraint, index, trigger, function, type, policy and grant, a line each."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "public"})
    try:
        return [row["line"] for row in await connection.fetch(LINES)]
    finally:
        await connection.close()
