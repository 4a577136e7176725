-- The next p_limit sessions after (p_workspace, p_session), of all workspaces, and whether something of each is past its
-- time: events, or all of it. Two looks at an index for each session. 0 days keep for ever.
CREATE OR REPLACE FUNCTION coordination_sessions_due(
    p_workspace text, p_session text, p_events_days integer, p_closed_days integer, p_limit integer
) RETURNS TABLE (workspace text, session text, due boolean)
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_before timestamptz := CASE WHEN p_events_days > 0 THEN v_now - make_interval(days => p_events_days)
                                 ELSE '-infinity' END;
BEGIN
    RETURN QUERY
    SELECT s.workspace_id, s.id::text,
           coalesce(oldest.created_at < v_before AND EXISTS (
                        SELECT FROM coordination_events e
                        WHERE e.workspace_id = s.workspace_id AND e.session_id = s.id AND e.seq > oldest.seq), false)
           OR s.status = 'closed' AND coordination_session_is_over(s.workspace_id, s.id, p_closed_days, v_now)
    FROM (SELECT c.workspace_id, c.id, c.status FROM claude_code_sessions c
          WHERE (c.workspace_id, c.id) > (p_workspace, p_session)
          ORDER BY c.workspace_id, c.id LIMIT p_limit) s
    LEFT JOIN LATERAL (SELECT e.seq, e.created_at FROM coordination_events e
                       WHERE e.workspace_id = s.workspace_id AND e.session_id = s.id
                       ORDER BY e.seq LIMIT 1) oldest ON true
    ORDER BY s.workspace_id, s.id;
END
$function$;
