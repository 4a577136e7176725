-- A path key and the keys of everything that covers it (LockPath.ancestors in domain/path.py).
CREATE OR REPLACE FUNCTION coordination_covering_keys(p_key text) RETURNS SETOF text
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_parts text[] := string_to_array(p_key, '/');
BEGIN
    FOR v_depth IN 1 .. cardinality(v_parts) LOOP
        RETURN NEXT array_to_string(v_parts[1:v_depth], '/');
    END LOOP;
    IF p_key NOT LIKE 'resource:%' THEN
        RETURN NEXT '';
    END IF;
END
$function$;
