-- For psql or an SQL editor: answers "ok", or raises with a line for each thing that revision
-- @revision made and this database lacks, and for each right that others have here. Policies and grants are missed only
-- where Supabase's roles are.
DO $verify$
DECLARE
    v_expected text[] := ARRAY[
@expected
    ];
    v_found text[];
    v_wrong text[];
    v_search_path text := current_setting('search_path');
    v_supabase boolean := (SELECT count(*) = 2 FROM pg_roles WHERE rolname IN ('anon', 'authenticated')) AND EXISTS (
        SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'auth' AND p.proname = 'uid' AND p.pronargs = 0 AND has_schema_privilege(n.oid, 'USAGE'));
BEGIN
    PERFORM set_config('search_path', 'public', true);
    v_found := ARRAY(
@inventory);
    v_wrong := ARRAY(SELECT 'missing: ' || e FROM unnest(v_expected) e
                     WHERE e <> ALL (v_found) AND (v_supabase OR e !~ '^(policy|grant) '));
    IF to_regclass('coordination_schema_version') IS NULL THEN
        v_wrong := ARRAY['no revision was applied'] || v_wrong;
    ELSIF NOT EXISTS (SELECT FROM coordination_schema_version WHERE version_num = '@revision') THEN
        v_wrong := ARRAY['the revision is not @revision'] || v_wrong;
    END IF;
    v_wrong := v_wrong || ARRAY(
@grants);
    PERFORM set_config('search_path', v_search_path, true);
    IF v_wrong <> '{}' THEN
        RAISE EXCEPTION 'the schema is not as revision @revision made it'
            USING DETAIL = array_to_string(v_wrong, E'\n');
    END IF;
END
$verify$;
SELECT 'ok' AS coordination_schema;
