-- Remove one file index of a checkout that nobody refreshed or worked in for so many days; returns whether there was
-- one. An index can be sent again at any time. It is one statement because half an index would be read as a whole one,
-- and no larger than what the end of a refresh removes. Nobody waits: who refreshes it holds its row.
CREATE OR REPLACE FUNCTION coordination_sweep_index(p_days integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_before timestamptz := clock_timestamp() - make_interval(days => p_days);
    v_index file_indexes;
BEGIN
    SELECT i.* INTO v_index FROM file_indexes i
    JOIN claude_code_sessions s ON s.workspace_id = i.workspace_id AND s.id = i.session_id
    -- One that was never finished is as old as its session.
    WHERE p_days > 0 AND coalesce(i.refreshed_at, s.created_at) < v_before
      AND NOT EXISTS (SELECT FROM claude_code_agents a
                      WHERE a.workspace_id = i.workspace_id AND a.session_id = i.session_id
                        AND (a.checkout = i.checkout OR i.refreshed_at IS NULL) AND a.last_activity > v_before)
    LIMIT 1 FOR UPDATE OF i SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM file_indexes i
    WHERE i.workspace_id = v_index.workspace_id AND i.session_id = v_index.session_id AND i.checkout = v_index.checkout;
    DELETE FROM indexed_files f
    WHERE f.workspace_id = v_index.workspace_id AND f.session_id = v_index.session_id AND f.checkout = v_index.checkout;
    RETURN true;
END
$function$;
