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
