-- Whether two path keys are equal or one covers the other (domain/path.py). '' is the whole tree, without resources.
CREATE OR REPLACE FUNCTION coordination_keys_overlap(p_key text, q_key text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    RETURN p_key = q_key OR starts_with(p_key, q_key || '/') OR starts_with(q_key, p_key || '/')
        OR p_key = '' AND q_key NOT LIKE 'resource:%' OR q_key = '' AND p_key NOT LIKE 'resource:%';
END
$function$;
