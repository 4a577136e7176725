-- Whether an agent still counts as being at work: seen within ten minutes, or holding a live lease. A quiet agent
-- that holds leases is not taken for dead.
CREATE OR REPLACE FUNCTION coordination_agent_is_live(
    p_workspace text, p_session text, p_agent text, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    RETURN EXISTS (SELECT FROM claude_code_agents a
                   WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent
                     AND a.status = 'connected' AND a.last_activity > p_now - interval '10 minutes')
        OR EXISTS (SELECT FROM file_locks l
                   WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.agent_id = p_agent
                     AND l.expires_at > p_now);
END
$function$;
