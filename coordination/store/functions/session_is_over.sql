-- Whether a session was closed and nothing happened in it for so many days; never when p_closed_days is 0, and not while
-- somebody holds a lease there.
CREATE OR REPLACE FUNCTION coordination_session_is_over(
    p_workspace text, p_session text, p_closed_days integer, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    RETURN p_closed_days > 0 AND EXISTS (
        SELECT FROM claude_code_sessions s
        WHERE s.workspace_id = p_workspace AND s.id = p_session AND s.status = 'closed'
          AND coalesce((SELECT e.created_at FROM coordination_events e
                        WHERE e.workspace_id = p_workspace AND e.session_id = p_session
                        ORDER BY e.seq DESC LIMIT 1), s.created_at) < p_now - make_interval(days => p_closed_days)
          AND NOT EXISTS (SELECT FROM file_locks l
                          WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.expires_at > p_now));
END
$function$;
