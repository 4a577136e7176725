-- The conflict key of a path that did not come through a claim: an adopted row, or a plain INSERT. Claims bring the key
-- that domain/path.py computed, and this follows its rules: Unicode NFC, `.`, `..` and empty parts resolved, a trailing
-- `**` dropped, case folded. What the domain would refuse stays as it is: a leading `/`, a `..` that leaves the tree.
-- Before Postgres 18 there is no casefold(); then lower() does, with the few letters in use that it leaves apart.
CREATE OR REPLACE FUNCTION coordination_path_key(p_path text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_path text := normalize(p_path, NFC);
    v_prefix text := coalesce(substring(v_path FROM '^(?:resource:|/)'), '');
    v_parts text[] := '{}'::text[];
    v_part text;
    v_collation text;
    v_key text;
BEGIN
    FOREACH v_part IN ARRAY string_to_array(substr(v_path, length(v_prefix) + 1), '/') LOOP
        CONTINUE WHEN v_part IN ('', '.');
        IF v_part = '..' AND v_parts[cardinality(v_parts)] <> '..' THEN
            v_parts := trim_array(v_parts, 1);
        ELSE
            v_parts := v_parts || v_part;
        END IF;
    END LOOP;
    WHILE v_parts[cardinality(v_parts)] = '**' LOOP
        v_parts := trim_array(v_parts, 1);
    END LOOP;
    v_path := v_prefix || array_to_string(v_parts, '/');
    IF to_regprocedure('pg_catalog.casefold(text)') IS NOT NULL THEN
        -- Put together here, because before 18 no check of the functions knows the collation.
        EXECUTE format('SELECT casefold($1 COLLATE %I)', 'pg_unicode_fast') INTO v_key USING v_path;
    ELSE
        -- The database's own collation may know ASCII alone.
        SELECT c.collname INTO v_collation
        FROM unnest(ARRAY['pg_c_utf8', 'und-x-icu', 'C.utf8', 'en_US.utf8', 'default']) WITH ORDINALITY AS w(name, place)
        JOIN pg_collation c ON c.collname = w.name AND c.collnamespace = 'pg_catalog'::regnamespace
         AND c.collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))
        ORDER BY w.place LIMIT 1;
        EXECUTE format('SELECT lower($1 COLLATE %I)', v_collation) INTO v_key
        USING replace(v_path, 'İ', E'i\u0307');
        v_key := replace(translate(v_key, 'ςſµ', 'σsμ'), 'ß', 'ss');
    END IF;
    v_key := normalize(v_key, NFC);
    -- No claim is longer than 1,024 bytes, and an index entry has its limit too.
    RETURN CASE WHEN octet_length(v_key) > 1024 THEN left(v_key, 256) ELSE v_key END;
END
$function$;
