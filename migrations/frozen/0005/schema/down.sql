-- Nobody but the owner reads anything, as before. A table that was dropped meanwhile stays dropped.
DO $do$
DECLARE
    v_policy record;
BEGIN
    FOR v_policy IN
        SELECT polname AS name, polrelid::regclass AS owned FROM pg_policy
        WHERE polname IN ('coordination_read', 'coordination_confine')
          AND polrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    LOOP
        EXECUTE format('DROP POLICY %I ON %s', v_policy.name, v_policy.owned);
        EXECUTE format('REVOKE ALL ON %s FROM anon, authenticated', v_policy.owned);
    END LOOP;
END
$do$;
DO $do$
DECLARE
    v_name text;
BEGIN
    FOR v_name IN
        SELECT o.polname FROM pg_policy o JOIN pg_class c ON c.oid = o.polrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'realtime' AND c.relname = 'messages' AND o.polname LIKE 'coordination\_%'
    LOOP
        EXECUTE format('DROP POLICY %I ON realtime.messages', v_name);
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'The policies on realtime.messages stay; they let every topic but ours alone.';
END
$do$;
