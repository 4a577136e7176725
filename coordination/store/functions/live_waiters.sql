-- The waiters of a session that count at `p_now`: their server refreshed them within three seconds, or they timed
-- out and keep their place for a while (`parked_until`). All others are dead and block nobody.
CREATE OR REPLACE FUNCTION coordination_live_waiters(p_workspace text, p_session text, p_now timestamptz)
RETURNS SETOF file_lock_waiters
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    RETURN QUERY
    SELECT w.* FROM file_lock_waiters w
    WHERE w.workspace_id = p_workspace AND w.session_id = p_session
      AND CASE WHEN w.parked_until IS NULL THEN w.refreshed_at > p_now - interval '3 seconds'
               ELSE w.parked_until > p_now END;
END
$function$;
