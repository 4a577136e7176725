-- Every lock row of a session that a set of paths overlaps: rows on the paths or their ancestors (`p_probe`), and
-- rows inside the byte ranges below them. Two index probes, no pattern matching; expired rows are included. The
-- ranges must not overlap each other, else a row would come twice. p_row is null::file_locks: it names the row type.
CREATE OR REPLACE FUNCTION coordination_overlapping_locks(
    p_row anyelement, p_workspace text, p_session text, p_probe text[], p_range_low text[], p_range_high text[]
) RETURNS SETOF anyelement
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
-- `supabase db lint` does not see what it is called with, nor what p_row is for:
-- @plpgsql_check_options: anyelementtype = public.file_locks, extra_warnings = off
BEGIN
    RETURN QUERY
    SELECT l.* FROM file_locks l
    WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.path_key = ANY (p_probe);
    RETURN QUERY
    SELECT l.* FROM unnest(p_range_low, p_range_high) AS r(low, high)
    CROSS JOIN LATERAL (
        SELECT * FROM file_locks f
        WHERE f.workspace_id = p_workspace AND f.session_id = p_session
          AND f.path_key COLLATE "C" > r.low COLLATE "C" AND f.path_key COLLATE "C" < r.high COLLATE "C"
          AND f.path_key <> ALL (p_probe)
        OFFSET 0) l;
END
$function$;
