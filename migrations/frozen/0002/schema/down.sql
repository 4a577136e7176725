-- What is known of files can be sent again at any time.
DO $do$
DECLARE
    v_function text;
BEGIN
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND p.proname IN ('coordination_begin_index', 'coordination_add_to_index', 'coordination_finish_index')
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_function);
    END LOOP;
END
$do$;

DROP TABLE IF EXISTS indexed_files, file_indexes;
