-- As for the functions before: no grant to anybody.
DO $do$
DECLARE
    v_function text;
    v_role text;
BEGIN
    FOR v_role IN
        SELECT 'PUBLIC' UNION ALL SELECT quote_ident(rolname) FROM pg_roles WHERE rolname IN ('anon', 'authenticated')
    LOOP
        FOR v_function IN
            SELECT p.oid::regprocedure FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'coordination\_%'
        LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', v_function, v_role);
        END LOOP;
    END LOOP;
END
$do$;
